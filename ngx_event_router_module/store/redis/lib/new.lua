
-- Copyright (C) Event Router contributors


-- A pending entry that nobody has, in the order of entry.lua

--#include lib/entry.lua

local function new(epoch, accepted, due, order, guard, command, name, routes)
    return {epoch, 0, 0, accepted, due, '', '', order, guard, command, '',
            name, routes}
end
