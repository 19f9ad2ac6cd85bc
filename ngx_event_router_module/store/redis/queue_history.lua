
-- Copyright (C) Event Router contributors


-- HISTORY: records of events, newest first, from a number on downwards.  It
-- gives the record of one event, of those that stand under one of some hashes,
-- or of all; nothing is looked at in them.  Returns {1, now, more, event,
-- record, ...}; an empty record is one that is gone.

--#include lib/queue.lua

local event, hashes = ARGV[2], ARGV[3]
local before, first = ARGV[4], ARGV[5]
local limit, bytes = tonumber(ARGV[6]), tonumber(ARGV[7])

local function listed(list, prefix)
    return call('ZREVRANGEBYLEX', list,
                '(' .. prefix .. before, '[' .. prefix .. first,
                'LIMIT', 0, limit)
end

-- an event may stand under more than one

local function filed()
    local list, seen = {}, {}

    for i = 1, #hashes, 8 do
        local hash = sub(hashes, i, i + 7)

        for _, name in ipairs(listed(base .. 'I', hash)) do
            local one = sub(name, 9)

            if not seen[one] then
                list[#list + 1] = one
                seen[one] = true
            end
        end
    end

    table.sort(list, function(a, b) return a > b end)

    return list
end

local function wanted()
    if event ~= '' then
        return event >= first and event < before and {event} or {}
    end

    if hashes ~= '' then
        return filed()
    end

    return listed(base .. 'L', '')
end

local out, size = {1, now, 0}, 0
local list = wanted()

for i, one in ipairs(list) do
    local record = redis.pcall('GET', base .. 'H:' .. one)

    if type(record) ~= 'string' then
        record = ''
    end

    size = size + #record

    if i > limit or i > 1 and size > bytes then
        out[3] = 1
        return out
    end

    out[#out + 1] = one
    out[#out + 1] = record
end

if event == '' and #list == limit then
    out[3] = 1
end

return out
