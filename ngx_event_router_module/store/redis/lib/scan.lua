
-- Copyright (C) Event Router contributors


-- LIST, REPLAY and PURGE: page by page through a list of one target or of all.
-- What has been reached is ("at", "reached"), a target and an event, and
-- "more" is 1 if there is more behind it.
--
-- "visit" says how many of the limit it took, or nil to stop before this one.
-- The budget is how many are looked at.

--#include lib/lists.lua

local only, event = ARGV[4], ARGV[5]
local from, to = tonumber(ARGV[6]), tonumber(ARGV[7])
local route = ARGV[8]
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

local function wanted(entry)
    local accepted = entry[ACCEPTED]

    return accepted >= from and (to == 0 or accepted < to)
           and (route == '' or string.find(',' .. entry[ROUTES] .. ',',
                                           ',' .. route .. ',', 1, true))
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
                    if call('ZREM', list, event) == 1 then
                        add(-1)
                        call('HINCRBY', KEYS[1], 'l', 1)
                    end

                elseif wanted(entry) then
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
