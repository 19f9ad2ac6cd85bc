
-- Copyright (C) Event Router contributors


-- When the first one of a list is due; -1: never.  What is held is behind all
-- others.

--#include lib/held.lua

local function first(list)
    local row = call('ZRANGE', list, 0, 0, 'WITHSCORES')

    if not row[1] or row[2] == 'inf' or tonumber(row[2]) >= FAR then
        return -1
    end

    return tonumber(row[2])
end
