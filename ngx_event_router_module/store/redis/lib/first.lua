
-- Copyright (C) Event Router contributors


-- When the first one of a list is due; -1: never

--#include lib/queue.lua

local function first(list)
    local row = call('ZRANGE', list, 0, 0, 'WITHSCORES')

    if not row[1] or row[2] == 'inf' then
        return -1
    end

    return tonumber(row[2])
end
