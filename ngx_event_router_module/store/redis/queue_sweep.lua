
-- Copyright (C) Event Router contributors


-- SWEEP, once a second: a sign of life, and whatever has become due or over:
-- holders that are dead, the archive, dead letters, targets that are gone.
-- Returns {1, now, more, adopted, bytes in use, bytes it may use, nodes,
-- buried, state, entries, losses told, losses to be told, eviction, and for
-- each target itself, pending, dead, oldest, fresh, again, name, and the words
-- of its ledger ...}.
--
-- It buries what waits for a target that no nginx has, so each of them leaves
-- the list of its targets in Redis.  Workers of several generations sweep for
-- one nginx, and only the newest one's list is right.  Who is silent is
-- starting anew or cut off from Redis more often than it is gone, so its list
-- counts until it was not heard for long, while others were.  An nginx that is
-- heard and has no list is of a version before them; it may have any target,
-- so nothing is buried.  It goes by the newest generation of all, "g", and
-- would bury what it does not know if nobody wrote that down any more.

--#include lib/adopt.lua
--#include lib/bury.lua
--#include lib/lapse.lua
--#include lib/over.lua
--#include lib/first.lua
--#include lib/heard.lua
--#include lib/shelf.lua
--#include lib/tally.lua
--#include lib/balance.lua
--#include lib/told.lua

local holder, gap = ARGV[2], tonumber(ARGV[3])
local generation, keep = tonumber(ARGV[4]), tonumber(ARGV[5])
local targets, batch, node = ARGV[6], tonumber(ARGV[7]), ARGV[8]
local silent = now - tonumber(ARGV[9])
local more, adopted, buried = 0, 0, 0

local REMOVED = 5
local LOOKS = 64

tick()
call('ZADD', base .. 'holders', now, holder)

-- a worker that exits is alive, but its nginx has no part any more

if node == '0000000000000000' then
    return {1, now, 0, 0, 0, 0, 0, 0, '', 0, 0, 0, 0}
end

local stamp = tonumber(call('HGET', KEYS[1], node) or -1)

call('HSET', KEYS[1], node, now)
call('ZADD', base .. 'nodes', now, node)
call('ZREMRANGEBYSCORE', base .. 'nodes', '-inf', now - gap / 3)

local nodes = call('ZRANGE', base .. 'nodes', 0, -1, 'WITHSCORES')

for i = 1, #nodes, 2 do
    call('ZADD', base .. 'heard', nodes[i + 1], nodes[i])
end

-- While nobody was heard at all, Redis was away: since "quiet" it is not, and
-- who has not been heard since then for long enough is dead.

local beat, quiet, newest, telling, allowing
    = unpack(call('HMGET', KEYS[1], 'b', 'y', 'g', 'h', 'q'))

quiet = tonumber(quiet or now)

if not beat or now - tonumber(beat) > gap / 3 then
    quiet = now
end

call('HSET', KEYS[1], 'b', now, 'y', quiet)

if now - quiet >= gap then
    for _, dead in ipairs(call('ZRANGEBYSCORE', base .. 'holders', '-inf',
                               now - gap, 'LIMIT', 0, 8))
    do
        local done, rest = adopt(dead, batch, 1)

        adopted = adopted + done

        if rest > 0 then
            more = 1
        end
    end
end

if quiet <= silent then
    for _, gone in ipairs(call('ZRANGEBYSCORE', base .. 'heard', '-inf',
                               silent))
    do
        call('HDEL', base .. 'known', 'g' .. gone, 't' .. gone, 'c' .. gone,
             'h' .. gone, 's' .. gone)
        call('ZREM', base .. 'heard', gone)
        call('HDEL', KEYS[1], gone)
    end
end

-- the archive

local list = call('ZRANGEBYSCORE', base .. 'u', '-inf', now,
                  'LIMIT', 0, batch)

if #list == batch then
    more = 1
end

for _, event in ipairs(list) do
    local hash = base .. 'e:' .. event
    local source = call('HGET', hash, 's')

    if source then
        call('ZREM', base .. 'r:' .. source, event)
    end

    call('ZREM', base .. 'u', event)
    call('HDEL', hash, 'u')
    over(hash)
end

-- dead letters

list = call('ZRANGEBYSCORE', base .. 'z', '-inf', now, 'LIMIT', 0, batch)

if #list == batch then
    more = 1
end

for _, name in ipairs(list) do
    local target, event = sub(name, 1, 16), sub(name, 17)
    local hash = base .. 'e:' .. event

    lapse(hash, target, event, BOOK_DEAD_AGED, TOLD_AGED)
    over(hash)
end

-- rows of the router's own

list = call('ZRANGEBYSCORE', base .. 'b', '-inf', now, 'LIMIT', 0, batch)

if #list == batch then
    more = 1
end

for _, name in ipairs(list) do
    unshelve(sub(name, 1, -18), sub(name, -16))
    call('ZREM', base .. 'b', name)
end

-- who has which targets

local names = call('HGETALL', base .. 't')

find(names, targets)

local own = {}

for i = 1, #targets, 16 do
    own[sub(targets, i, i + 15)] = true
end

if generation > tonumber(newest or 0) then
    call('HSET', KEYS[1], 'g', ARGV[4])
end

local latest = tonumber(call('HGET', base .. 'known', 'g' .. node) or -1)

if generation > latest then
    call('HSET', base .. 'known', 'g' .. node, ARGV[4], 't' .. node, targets,
         'c' .. node, 1, 'h' .. node, ARGV[15] or '0 0')
end

local heard = call('ZRANGE', base .. 'heard', 0, -1)

local function nobodys(target)
    if generation < latest or targets == '' or own[target] then
        return false
    end

    return not heard_of(target, heard)
end

-- Redis's memory; who may not ask for it does without

local used, size, evicts = 0, 0, 0
local info = redis.pcall('INFO', 'memory')

if type(info) == 'string' then
    local policy = string.match(info, 'maxmemory_policy:(%a+)')

    used = tonumber(string.match(info, 'used_memory:(%d+)') or 0)
    size = tonumber(string.match(info, 'maxmemory:(%d+)') or 0)

    -- ngx_er_redis_evicts_e

    if policy then
        evicts = ({noeviction = 1, volatile = 2})[policy] or 3
    end
end

if (history or telling or allowing)
   and forget_told(heard, batch, telling, allowing, used, size) == 1
then
    more = 1
end

local function bury_all(target)
    local events = call('ZRANGE', base .. 'k:' .. target, 0, batch - 1)
    local done = 0

    for _, event in ipairs(events) do
        local hash = base .. 'e:' .. event
        local entry = get(hash, 'p' .. target)

        if not entry then
            lost(target, event)

        elseif entry[HOLDER] == '' or entry[DUE] <= now then
            bury(hash, target, event, entry, REMOVED, 0, '', keep)
            done = done + 1
        end
    end

    buried = buried + done

    if #events == batch and done > 0 then
        more = 1
    end
end

-- of what is due first, in both lists

local function oldest_due(target)
    local age = -1

    for _, list in ipairs({'f:', 'a:'}) do
        for _, event in ipairs(call('ZRANGEBYSCORE', base .. list .. target,
                                    '-inf', '(' .. FAR, 'LIMIT', 0, LOOKS))
        do
            local entry = get(base .. 'e:' .. event, 'p' .. target)

            if entry and (age < 0 or entry[ACCEPTED] < age) then
                age = entry[ACCEPTED]
            end
        end
    end

    return age
end

-- When the oldest one was accepted, or -1.  One that was replayed is as old as
-- its replay, so the first number is not enough, but the numbers tell when it
-- cannot get older.  What is held is not late: where there is such a one those
-- that are due first say it.

local function oldest(target)
    local pending = base .. 'k:' .. target
    local age, i = -1, 0

    while i < LOOKS do
        local event = call('ZRANGE', pending, i, i)[1]

        if not event
           or age >= 0 and tonumber(sub(event, 1, 11), 16) >= age
        then
            break
        end

        local entry = get(base .. 'e:' .. event, 'p' .. target)

        if entry and is_held(entry) then
            return oldest_due(target)
        end

        if entry and (age < 0 or entry[ACCEPTED] < age) then
            age = entry[ACCEPTED]
        end

        i = i + 1
    end

    return age
end

-- the reply's head is filled in below

local out = {1, now, 0, adopted, used, size, #nodes / 2, 0, '', 0, 0, 0,
             evicts}
local there = 0
local anew = careless(heard)

for i = 1, #names, 2 do
    local target = names[i]
    local waiting, buried_ones = base .. 'k:' .. target, base .. 'x:' .. target

    if restore(target, batch) == 1 then
        more = 1
    end

    local pending, dead = call('ZCARD', waiting), call('ZCARD', buried_ones)
    local removed = (pending > 0 or dead == 0) and nobodys(target)

    if removed then
        bury_all(target)
        pending, dead = call('ZCARD', waiting), call('ZCARD', buried_ones)
    end

    there = there + pending + dead

    local words = balance(target, pending, dead, anew)

    if pending + dead == 0 and removed then
        call('HDEL', base .. 't', target)
        close(target, words)

    else
        local n = #out

        out[n + 1] = target
        out[n + 2] = pending
        out[n + 3] = dead
        out[n + 4] = oldest(target)
        out[n + 5] = first(base .. 'f:' .. target)
        out[n + 6] = first(base .. 'a:' .. target)
        out[n + 7] = names[i + 1]

        for k = 1, BOOK_WORDS do
            out[n + 7 + k] = words[k]
        end
    end
end

out[3], out[8] = more, buried
out[9], out[10], out[11], out[12]
    = tally(node, there, stamp, ARGV[10], tonumber(ARGV[11]),
            tonumber(ARGV[12]), tonumber(ARGV[13]), ARGV[14])

trim()

return out
