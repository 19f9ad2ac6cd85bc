
-- Copyright (C) Event Router contributors


-- LIST, REPLAY, PURGE, HASTEN and MOVE: page by page through a list of one
-- target or of all.  What has been reached is ("at", "reached"), a target and
-- an event, and "more" is 1 if there is more behind it.
--
-- "visit" says how many of the limit it took, or nil to stop before this one.
-- The budget is how many are looked at.
--
-- Who changes entries returns result(): {1, now, more, target, event, done,
-- stale, left, doubts, there, oldest, newest}, as far as it came; what these
-- numbers mean store/entry.h says.  If it is dry it only counts.

--#include lib/lists.lua

local only, event = ARGV[4], ARGV[5]
local from, to = tonumber(ARGV[6]), tonumber(ARGV[7])
local route = ARGV[8]
local source, reasons = ARGV[12], tonumber(ARGV[13])
local status, attempts = tonumber(ARGV[14]), tonumber(ARGV[15])
local dry = ARGV[16] == '1'
local at, reached = ARGV[9], ARGV[10]
local more = 0

local function targets()
    if only ~= '' then
        return {only}
    end

    local names = call('HKEYS', base .. 't')

    table.sort(names)

    return names
end

local done, stale, left, doubts, there = 0, 0, 0, 0, 0
local oldest, newest = -1, 0

-- one more, which counts for the limit unless it is dry

local function count(accepted)
    done = done + 1
    newest = math.max(newest, accepted)

    if oldest < 0 or accepted < oldest then
        oldest = accepted
    end

    return dry and 0 or 1
end

local function result()
    return {1, now, more, at, reached, done, stale, left, doubts, there,
            oldest, newest}
end

-- of its last attempt

local function status_of(entry)
    local past = entry[PAST]

    if entry[REASON] then
        return entry[STATUS]
    end

    return past == '' and 0 or struct.unpack('>I2', past, #past - 3)
end

local function of_route(routes)
    return route == ''
           or string.find(',' .. routes .. ',', ',' .. route .. ',', 1, true)
end

local function wanted(hash, entry)
    local accepted, reason = entry[ACCEPTED], entry[REASON] or 0

    return accepted >= from and (to == 0 or accepted < to)
           and of_route(entry[ROUTES])
           and entry[ATTEMPTS] >= attempts
           and (status == 0 or (status_of(entry)) == status)
           and (reasons == 0 or math.floor(reasons / 2 ^ reason) % 2 == 1)
           and (source == '' or call('HGET', hash, 's') == source)
end

-- at most 100 behind what was reached

local function page_of(list, target)
    if event == '' then
        local low = target == at and '(' .. reached or '-'
        return call('ZRANGEBYLEX', list, low, '+', 'LIMIT', 0, 100)
    end

    if (target > at or event > reached) and call('ZSCORE', list, event) then
        return {event}
    end

    return {}
end

local function scan(prefix, field, limit, visit)
    local budget = tonumber(ARGV[11])

    for _, target in ipairs(targets()) do
        local list = base .. prefix .. target

        while target >= at do
            local page = page_of(list, target)

            for _, event in ipairs(page) do
                if limit <= 0 or budget <= 0 then
                    more = 1
                    return
                end

                budget = budget - 1

                local hash = base .. 'e:' .. event
                local entry = get(hash, field .. target)

                if not entry then
                    if not dry and call('ZREM', list, event) == 1 then
                        add(-1)
                        call('HINCRBY', KEYS[1], 'l', 1)
                    end

                elseif wanted(hash, entry) then
                    local n = visit(hash, target, event, entry)

                    if not n then
                        more = 1
                        return
                    end

                    limit = limit - n
                end

                at, reached = target, event
            end

            if #page < 100 then
                break
            end
        end
    end
end
