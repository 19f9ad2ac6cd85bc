
-- Copyright (C) Event Router contributors


-- Rows of the router's own: of a shelf (KIND:NAME) the rows by id, with how
-- many bytes they are in "-", and the ids in their order.

--#include lib/queue.lua

local NEVER = 'ffffffffffffffff'
local ROW = 64

local function shelf(name)
    return base .. 's:' .. name, base .. 'l:' .. name
end

local function gone(ends)
    return ends ~= NEVER and tonumber(ends, 16) <= now
end

-- 1: it was there

local function unshelve(name, id)
    local rows, ids = shelf(name)
    local n = call('HSTRLEN', rows, id)

    if n == 0 then
        return 0
    end

    call('HDEL', rows, id)
    call('ZREM', ids, id)
    call('ZREM', base .. 'b', name .. ':' .. id)

    if call('ZCARD', ids) == 0 then
        call('DEL', rows)
    else
        call('HINCRBY', rows, '-', -(n - 16 + ROW))
    end

    return 1
end
