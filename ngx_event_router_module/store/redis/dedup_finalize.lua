
-- Copyright (C) Event Router contributors


-- FINALIZE: all targets have the event.  0: the key is another's.

--#include lib/dedup_mine.lua
--#include lib/dedup_dead.lua

local window, body = ARGV[3], ARGV[5]

if not mine then
    return 0
end

local died = dead()
local print = call('HGET', key, 'h') or body

call('DEL', key)
call('HSET', key, 's', 'd', 't', token)

if print ~= '' then
    call('HSET', key, 'h', print)
end

for _, hash in ipairs(died) do
    call('HSET', key, 'y:' .. hash, 1)
end

call('PEXPIRE', key, window)

return 1
