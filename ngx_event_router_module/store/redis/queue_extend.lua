
-- Copyright (C) Event Router contributors


-- EXTEND: the holder needs more time; with "calls", one of them was made, and
-- history is told

--#include lib/mine.lua
--#include lib/calls.lua
--#include lib/history.lua

local lease, calls = tonumber(ARGV[6]), ARGV[7]
local unsure, tells = tonumber(ARGV[8]), ARGV[9]

if not mine then
    return {entry and 0 or -1, now}
end

tick()

entry[DUE] = now + lease

-- it may be sent twice

if calls ~= '' and calls ~= entry[CALLS] then
    called(entry, calls)
    doubt(entry, unsure)
    entry[CRASHES] = 0
    note(event, tells or '')
end

set(hash, 'p' .. target, entry)
call('ZADD', base .. 'a:' .. target, entry[DUE], event)
trim()

return {1, now}
