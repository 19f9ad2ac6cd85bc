
-- Copyright (C) Event Router contributors


-- The state of an entry as it is kept: an array, packed, in a field of the
-- event's hash.  store/entry.h says what each field is; the numbers stand in
-- people's Redis and never change.  Of an entry that is done and kept only its
-- epoch, its command and its routes are left, as another array; a version
-- before left no routes.
--
-- Names in capitals cost nothing: embed.awk puts the numbers in their place.

--#include lib/queue.lua

local EPOCH = 1
local ATTEMPTS = 2
local CRASHES = 3
local ACCEPTED = 4
local DUE = 5
local HOLDER = 6
local TOKEN = 7
local ORDER = 8
local GUARD = 9
local COMMAND = 10
local PAST = 11
local NAME = 12
local ROUTES = 13
local REASON = 14
local DIED = 15
local STATUS = 16
local ANSWER = 17
local CALLS = 18

-- GUARD is a number of bits: 1 the guard, 2 it is held, 16 and more the doubt

local DOUBT_ONE = 16
local DOUBT_NEW = 240

local DONE_EPOCH = 1
local DONE_COMMAND = 2
local DONE_ROUTES = 3

local function get(hash, field)
    local state = call('HGET', hash, field)
    return state and cmsgpack.unpack(state)
end

-- what is in doubt has this number from now on, 0: nothing

local function doubt(entry, n)
    entry[GUARD] = entry[GUARD] % DOUBT_ONE + n * DOUBT_ONE
end

-- the same of a dead letter that its target gets again; a version before did
-- not keep the doubt, but the crashes

local function doubtful(dead)
    local flags = dead[GUARD] % DOUBT_ONE

    if dead[GUARD] >= DOUBT_NEW
       or dead[GUARD] < DOUBT_ONE and dead[CRASHES] > 0
    then
        return flags + DOUBT_NEW
    end

    return flags + (dead[GUARD] >= DOUBT_ONE and DOUBT_ONE or 0)
end

local function done_of(epoch, command, routes)
    return cmsgpack.pack({epoch, command, routes})
end

local function set(hash, field, entry)
    call('HSET', hash, field, cmsgpack.pack(entry))
end
