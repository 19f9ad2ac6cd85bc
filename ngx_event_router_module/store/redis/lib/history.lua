
-- Copyright (C) Event Router contributors


-- History: what became of an event, as store/history.h says it, in one text an
-- event, H:EVENT: how many hashes 1, the hashes of 8 bytes each, the length of
-- what ACCEPT said 4, and chunks.  The hashes are those under which the event
-- stands in I, so who forgets it finds it there.
--
-- There is history if the command names L, and nothing is asked or written
-- without it.  It never makes a script fail: what goes wrong is a gap, and an
-- event that has no record gets none.  It has bytes "h" of the "q" that SWEEP
-- allows it in m; what is beyond that goes, the oldest first, a few with each
-- script and more than it adds.

--#include lib/queue.lua

local TOLD_DEAD = 2
local TOLD_STALE = 4
local TOLD_COALESCED = 5
local TOLD_PURGED = 6
local TOLD_MOVED = 7
local TOLD_AGED = 8
local TOLD_REDELIVERED = 32
local TOLD_REPLAYED = 33
local TOLD_RETURNED = 34

local TOLD_STEP = 4

-- bytes of Redis's memory for a record, and for a hash, beside its own

local TOLD_RECORD = 280
local TOLD_HASH = 130

-- a record that is longer is made longer in its place, and one that is too
-- long forgets its first attempts

local TOLD_LONG = 4096
local TOLD_MOST = 262144

local TOLD_DROP = 16

local history = KEYS[2]
local records, indexed = {}, {}
local has, allowed
local grown, writes = 0, 0

local function weight(record)
    return #record + TOLD_RECORD + (string.byte(record) or 0) * TOLD_HASH
end

-- looked at once: what SWEEP has not allowed yet is free

local function room()
    if not has then
        local words = redis.pcall('HMGET', KEYS[1], 'h', 'q')

        has = tonumber(words[1] or 0) or 0
        allowed = words[2] and tonumber(words[2]) or math.huge
    end

    return allowed > 0
end

-- what ACCEPT said stays, and of the rest the second half

local function shorten(record)
    local n = string.byte(record)
    local from = 6 + 8 * n + struct.unpack('>I4', record, 2 + 8 * n)
    local at = from

    while at < (from + #record) / 2 do
        at = at + 2 + struct.unpack('>I2', record, at)
    end

    return sub(record, 1, from - 1) .. sub(record, at)
end

local function note(event, chunk)
    if not history or chunk == '' or not room() then
        return
    end

    local name = base .. 'H:' .. event
    local old = redis.pcall('GET', name)

    if type(old) ~= 'string' then
        return
    end

    local before, done = #old, nil

    if before + #chunk > TOLD_MOST then
        local ok, short = pcall(shorten, old)
        old = ok and short or old

    elseif before > TOLD_LONG then
        done = redis.pcall('APPEND', name, chunk)
    end

    if type(done) ~= 'number' then
        redis.pcall('SET', name, old .. chunk)
    end

    grown = grown + #old + #chunk - before
    writes = writes + 1
end

-- what the store decides by itself; "name" is that of a target which the
-- record may not know

local function step(event, target, state, reason, name)
    if history then
        name = sub(name or '', 1, 255)

        note(event, struct.pack('>I2BI4I4I8BB', 19 + #name, TOLD_STEP,
                                tonumber(sub(target, 1, 8), 16),
                                tonumber(sub(target, 9), 16), now, state,
                                reason or 0) .. name)
    end
end

-- a record, as ACCEPT brings it

local function begin(event, record)
    if record == '' or not room() then
        return
    end

    redis.pcall('SET', base .. 'H:' .. event, record)

    records[#records + 1] = 0
    records[#records + 1] = event

    for i = 2, 8 * string.byte(record), 8 do
        indexed[#indexed + 1] = 0
        indexed[#indexed + 1] = sub(record, i, i + 7) .. event
    end

    grown = grown + weight(record)
    writes = writes + 1
end

local function file_begun()
    if #records > 0 then
        redis.pcall('ZADD', base .. 'L', unpack(records))
    end

    if #indexed > 0 then
        redis.pcall('ZADD', base .. 'I', unpack(indexed))
    end

    records, indexed = {}, {}
end

local function unrecord(list)
    local names, hashes, size = {}, {}, 0

    if #list == 0 then
        return 0
    end

    for i, event in ipairs(list) do
        names[i] = base .. 'H:' .. event

        local record = redis.pcall('GET', names[i])

        if type(record) == 'string' and record ~= '' then
            for k = 2, 8 * string.byte(record), 8 do
                hashes[#hashes + 1] = sub(record, k, k + 7) .. event
            end

            size = size + weight(record)
        end
    end

    redis.pcall('DEL', unpack(names))
    redis.pcall('ZREM', base .. 'L', unpack(list))

    if #hashes > 0 then
        redis.pcall('ZREM', base .. 'I', unpack(hashes))
    end

    grown = grown - size

    return size
end

-- up to n of events below "last"

local function oldest_told(n, last)
    local list = redis.pcall('ZRANGEBYLEX', base .. 'L', '-', last or '+',
                             'LIMIT', 0, n)

    return list.err and {} or list
end

-- up to n of the oldest go, as long as there are "over" bytes too many; how
-- many of these are left

local function lighten(n, over)
    while n > 0 and over > 0 do
        local list = oldest_told(math.min(n, 8))

        if #list == 0 then
            break
        end

        over = over - unrecord(list)
        n = n - #list
    end

    return over
end

-- A Redis that is full refuses what comes, but nothing of a script that has
-- deleted something: history goes, for at least "need" bytes, and there is
-- none until SWEEP allows it.

local function give_way(need)
    has, allowed = 0, 0

    if lighten(math.huge, need) < need then
        redis.pcall('HSET', KEYS[1], 'q', '0')
    end
end

-- at the end of each script that may have said something

local function trim()
    if grown > 0 then
        lighten(TOLD_DROP + 2 * writes, has + grown - allowed)
    end

    if grown ~= 0 then
        redis.pcall('HINCRBY', KEYS[1], 'h', grown)
    end
end
