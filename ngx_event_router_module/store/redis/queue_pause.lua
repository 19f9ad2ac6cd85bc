
-- Copyright (C) Event Router contributors


-- PAUSE: holds a target or lets it go; an empty one: only asks.  Returns {1,
-- now, targets that are held ...}.

--#include lib/queue.lua

local target, held = ARGV[2], ARGV[3] == '1'

if target ~= '' then
    tick()

    if held then
        call('HSET', base .. 'paused', target, now)
    else
        call('HDEL', base .. 'paused', target)
    end
end

local out = {1, now}

for _, name in ipairs(call('HKEYS', base .. 'paused')) do
    out[#out + 1] = name
end

return out
