
-- Copyright (C) Event Router contributors


-- PURGE: dead letters go.  Returns {1, now, more, target, event, done}, with
-- target and event as far as it came.

--#include lib/scan.lua
--#include lib/lapse.lua
--#include lib/over.lua

local limit, done = tonumber(ARGV[3]), 0

tick()

scan('x:', 'd', limit, function(hash, target, event)
    lapse(hash, target, event)
    over(hash)
    done = done + 1

    return 1
end)

return {1, now, more, at, reached, done}
