
-- Copyright (C) Event Router contributors


-- SETTLE: a target has the event.  0: the key is another's, and it is recorded
-- all the same.

--#include lib/dedup_mine.lua

local lease, window, target = ARGV[2], ARGV[3], ARGV[4]

local FIELDS = 6                -- of a key that is claimed
local TARGETS = 1024            -- that a key remembers

if not owner then
    --#include lib/dedup_now.lua

    call('HSET', key, 's', 'c', 't', token, 'b', now, 'l', lease, 'n', 1)
    call('PEXPIRE', key, lease + window)
end

if call('HLEN', key) < TARGETS + FIELDS then
    call('HSET', key, 'x' .. target, 1)
end

return mine and 1 or 0
