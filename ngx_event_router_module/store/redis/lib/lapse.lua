
-- Copyright (C) Event Router contributors


-- A dead letter goes, or an entry that waits, and is to be remembered while
-- the event's key is known: who sends the event once more means this target,
-- too (see repeat.lua).

--#include lib/forget.lua
--#include lib/history.lua

local function remember(hash, target, event, entry)
    local known, taken = unpack(call('HMGET', hash, 'k', 'l'))
    local remains = tonumber(known or 0) - now

    if entry and remains > 0 then
        local lapsed = base .. 'w:' .. event

        call('HSET', lapsed, target, entry[EPOCH])

        if taken then
            call('HSET', lapsed, '-', 1)
        end

        call('PEXPIRE', lapsed, remains)
        call('HSET', hash, 'w', 1)
    end
end

-- "state" is what history says of it

local function lapse(hash, target, event, word, state)
    local dead = get(hash, 'd' .. target)

    remember(hash, target, event, dead)
    forget(hash, target, event, word)

    if dead then
        step(event, target, state)
    end
end
