
-- Copyright (C) Event Router contributors


-- SWEEP: what history forgets.  How long it stays and how many bytes it may
-- have is what this nginx and each one that is heard says, the most of all
-- counts; where none of them keeps history, what is left goes.
--
-- Of a Redis that is nearly full history has nothing: it goes before an event
-- is refused for it, and there is none until there is room again.

--#include lib/history.lua

-- percent of its memory

local FULL = 90
local ROOM = 85

-- the longest time and the largest share

local function kept_by(nodes)
    local names, time, share = {}, 0, 0

    for i, node in ipairs(nodes) do
        names[i] = 'h' .. node
    end

    local rows = call('HMGET', base .. 'known', unpack(names))

    rows[#names + 1] = ARGV[15]

    for _, says in ipairs(rows) do
        local a, b = string.match(says or '', '^(%d+) (%d+)$')

        time = math.max(time, tonumber(a or 0))
        share = math.max(share, tonumber(b or 0))
    end

    return time, share
end

-- the bytes that it may have in this shard; "was": before

local function share_of(share, was, used, size)
    local percent = size > 0 and used / size * 100 or 0

    if percent > FULL or was == '0' and percent > ROOM then
        return 0
    end

    return share
end

-- 1: that was not all.  "bytes" and "was" are what m has of it.

local function forget_told(nodes, batch, bytes, was, used, size)
    local time, share = kept_by(nodes)
    local last = '+'

    if time > 0 then
        last = '(' .. string.format('%011x00000', math.max(now - time, 0))
    end

    local list = oldest_told(batch, last)
    local limit = share_of(share, was, used, size)
    local left = #list == batch and 1 or 0

    bytes = tonumber(bytes or 0) - unrecord(list)

    if left == 0 and lighten(batch, bytes - limit) > 0 then
        left = 1
    end

    if #oldest_told(1) == 0 then
        left = 0
        call('HDEL', KEYS[1], 'h')
        call('DEL', base .. 'I')
        grown = 0
    end

    if time == 0 then
        call('HDEL', KEYS[1], 'q')
    else
        call('HSET', KEYS[1], 'q', string.format('%.0f', limit))
    end

    return left
end
