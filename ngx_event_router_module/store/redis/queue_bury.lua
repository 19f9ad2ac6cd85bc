
-- Copyright (C) Event Router contributors


-- BURY: there is no next attempt

--#include lib/mine.lua
--#include lib/tried.lua
--#include lib/calls.lua
--#include lib/bury.lua

local past, reason, status = ARGV[6], tonumber(ARGV[7]), tonumber(ARGV[8])
local answer, keep = ARGV[9], tonumber(ARGV[10])
local unsure, calls, tells = tonumber(ARGV[11]), ARGV[12], ARGV[13]

if not mine then
    local dead = get(hash, 'd' .. target)

    -- it was sent twice

    if dead and dead[TOKEN] == token then
        return {1, now}
    end

    if not entry then
        lost(target, event)
    end

    return {entry and 0 or -1, now}
end

tick()
tried(entry, past)
doubt(entry, unsure)
called(entry, calls)

-- what came of the attempt, then what became of the event

note(event, tells or '')
bury(hash, target, event, entry, reason, status, answer, keep)
trim()

return {1, now}
