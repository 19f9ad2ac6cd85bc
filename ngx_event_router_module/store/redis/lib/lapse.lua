
-- Copyright (C) Event Router contributors


-- A dead letter goes, and is to be remembered while the event's key is known:
-- who sends the event once more means this target, too (see repeat.lua).

--#include lib/forget.lua

local function lapse(hash, target, event)
    local dead = get(hash, 'd' .. target)
    local known, taken = unpack(call('HMGET', hash, 'k', 'l'))
    local left = tonumber(known or 0) - now

    if dead and left > 0 then
        local lapsed = base .. 'w:' .. event

        call('HSET', lapsed, target, dead[EPOCH])

        if taken then
            call('HSET', lapsed, '-', 1)
        end

        call('PEXPIRE', lapsed, left)
        call('HSET', hash, 'w', 1)
    end

    forget(hash, target, event)
end
