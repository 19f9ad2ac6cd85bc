
-- Copyright (C) Event Router contributors


-- Does an nginx that is heard have the target?  One that has no list is of a
-- version before there were any, and may have it.

--#include lib/queue.lua

local function heard_of(target, nodes)
    for _, node in ipairs(nodes) do
        local list = call('HGET', base .. 'known', 't' .. node)

        if not list or string.find(list, target, 1, true) then
            return true
        end
    end

    return false
end
