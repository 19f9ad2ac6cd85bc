
-- Copyright (C) Event Router contributors


-- LEASE: entries of a target that are due.  Returns {1, now, fresh, again,
-- entries ...}: when the next one without an attempt and the next one with one
-- is due; and what was overtaken behind it, if anything was.

--#include lib/late.lua
--#include lib/lists.lua
--#include lib/hold.lua
--#include lib/first.lua
--#include lib/show.lua
--#include lib/version.lua

local holder, token, target = ARGV[2], ARGV[3], ARGV[4]
local fresh, again = tonumber(ARGV[5]), tonumber(ARGV[6])
local bytes, lease = tonumber(ARGV[7]), tonumber(ARGV[8])
local given = tonumber(ARGV[9])
local pick, reach = ARGV[12], tonumber(ARGV[13])

-- ngx_er_queue_pick_e, NGX_ER_ENTRY_NEWEST

local DUE_FIRST = '0'
local EARLY = '2'
local ENDS = '3'
local NEWEST = 1024
local ROUNDS = 5

if late(ARGV[10], ARGV[11]) then
    return {-2, now}
end

local untried, tried = base .. 'f:' .. target, base .. 'a:' .. target
local mark = base .. 'y:' .. holder .. target
local old = call('GET', mark)
local out = {1, now, -1, -1}

tick()

local took = {token}
local size = 0

-- What is taken: its entries, and the words for the lists.  The lists come
-- first, so that what cannot be filed is not lent either.

local taken, scores, events, names = {}, {}, {}, {}

local function file()
    if #events == 0 then
        return
    end

    call('ZADD', tried, unpack(scores))
    call('SADD', base .. 'h:' .. holder, unpack(names))

    for i, entry in ipairs(taken) do
        set(base .. 'e:' .. events[i], 'p' .. target, entry)
    end

    call('ZREM', untried, unpack(events))

    taken, scores, events, names = {}, {}, {}, {}
end

local function lend(event, entry)
    entry[DUE] = now + lease
    entry[HOLDER] = holder
    entry[TOKEN] = token

    taken[#taken + 1] = entry
    scores[#scores + 1] = entry[DUE]
    scores[#scores + 1] = event
    events[#events + 1] = event
    names[#names + 1] = target .. event
    took[#took + 1] = event
end

-- An entry that is one crash short of poison is given alone, or a good one
-- that is in hand beside it would die with it.  While the holder has such a
-- one, the next ones wait a moment, one behind the other.

local waiting = 0

local function alone(hash, event, entry)
    local crashes = entry[CRASHES] + (entry[HOLDER] ~= '' and 1 or 0)

    if crashes ~= 2 then
        return true
    end

    -- what was taken is in hand

    file()

    local last = base .. 'v:' .. holder
    local one = call('GET', last)

    if not one or one == target .. event
       or call('SISMEMBER', base .. 'h:' .. holder, one) == 0
    then
        call('SET', last, target .. event, 'PX', 3600000)
        return true
    end

    waiting = waiting + 1
    entry[DUE] = now + waiting * 100

    set(hash, 'p' .. target, entry)
    call('ZADD', tried, entry[DUE], event)

    return false
end

-- the one that failed least; due, or due or not, but in nobody's hand, and
-- never one in doubt: its target may need that time to know it

local function least()
    local top = pick == EARLY and '(' .. FAR or now
    local best, fewest

    for _, event in ipairs(call('ZRANGEBYSCORE', tried, '-inf', top,
                                'LIMIT', 0, 64))
    do
        local entry = get(base .. 'e:' .. event, 'p' .. target)

        if entry and (entry[DUE] <= now
                      or entry[HOLDER] == '' and entry[GUARD] < DOUBT_ONE)
        then
            local tries = entry[ATTEMPTS] + entry[CRASHES]

            if not best or tries < fewest
               or tries == fewest and event < best
            then
                best, fewest = event, tries
            end
        end
    end

    return best and {best}
end

-- those that are due first; with a reach, those that were due last when that
-- share of the time between the first and the last one was over

local function due(list, n, reach)
    local top = now

    if reach == 0 then
        return call('ZRANGEBYSCORE', list, '-inf', now, 'LIMIT', 0, n)
    end

    if reach < NEWEST then
        local first = call('ZRANGEBYSCORE', list, '-inf', now,
                           'LIMIT', 0, 1, 'WITHSCORES')
        local last = call('ZREVRANGEBYSCORE', list, now, '-inf',
                          'LIMIT', 0, 1, 'WITHSCORES')

        if first[2] then
            top = first[2]
                  + math.floor((last[2] - first[2]) * reach / NEWEST)
        end
    end

    top = string.format('%.0f', top)

    return call('ZREVRANGEBYSCORE', list, top, '-inf', 'LIMIT', 0, n)
end

-- a newer version of it was delivered meanwhile: it is not given

local function stale(hash, event, entry)
    local v = entry[ORDER] ~= '' and version_of(hash, target)

    if not v or not overtaken(target, v) then
        return false
    end

    retire('s', hash, target, event, entry)

    return true
end

-- its source is paused: it is held from now on, and not given; a lease that
-- ended by itself ends in that, too

local withheld = 0

local function withhold(hash, event, entry)
    local source = call('HGET', hash, 's')

    if not source or not paused(source) then
        return false
    end

    if entry[HOLDER] ~= '' then
        call('SREM', base .. 'h:' .. entry[HOLDER], target .. event)

        entry[HOLDER], entry[TOKEN] = '', ''
        entry[CRASHES], entry[DUE] = entry[CRASHES] + 1, now
        doubt(entry, 15)
    end

    hold(hash, target, event, entry, source)
    withheld = withheld + 1

    return true
end

local function take(list)
    for _, event in ipairs(list) do
        local state, record = unpack(call('HMGET', base .. 'e:' .. event,
                                          'p' .. target, 'r'))
        local entry = state and cmsgpack.unpack(state)

        record = record or ''

        if not entry then
            lost(target, event)

        elseif not (holds ~= '' and withhold(base .. 'e:' .. event, event,
                                             entry))
               and not stale(base .. 'e:' .. event, event, entry)
               and alone(base .. 'e:' .. event, event, entry) then
            size = size + #record

            if given > 0 and size > bytes then
                break
            end

            given = given + 1

            -- a lease that ended by itself

            if entry[HOLDER] ~= '' then
                call('SREM', base .. 'h:' .. entry[HOLDER], target .. event)
                entry[CRASHES] = entry[CRASHES] + 1
                doubt(entry, 15)
            end

            lend(event, entry)
            show(out, target, event, entry, record)
        end
    end

    file()
end

-- what is held makes place for the next ones

local function take_due(list, n, reach)
    for round = 1, ROUNDS do
        local before = withheld

        take(due(list, n, reach))

        if #took > 1 or withheld == before then
            return
        end
    end
end

if old and sub(old, 1, 16) == token then

    -- it was sent twice: what the first one took and is still there

    for i = 17, #old, 16 do
        local event = sub(old, i, i + 15)
        local hash = base .. 'e:' .. event
        local entry = get(hash, 'p' .. target)

        if entry and entry[HOLDER] == holder and entry[TOKEN] == token then
            show(out, target, event, entry, call('HGET', hash, 'r') or '')
        end
    end

else
    if again > 0 then
        if pick == DUE_FIRST then
            take_due(tried, again, 0)

        elseif pick ~= ENDS then
            take(least() or due(tried, again, 0))
        end
    end

    if fresh > 0 then
        take_due(untried, fresh, reach)
    end

    if pick == ENDS and again > 0 then
        take(due(untried, again, reach == 0 and NEWEST or 0))
    end

    if #took > 1 then
        call('SET', mark, table.concat(took), 'PX', 60000)
    end
end

out[3], out[4] = first(untried), first(tried)
trim()

return with_ended(out)
