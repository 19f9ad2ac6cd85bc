
-- Copyright (C) Event Router contributors


-- DIE: the event died in a target's queue

--#include lib/dedup.lua

local target = ARGV[4]

if call('EXISTS', key) == 1 then
    call('HSET', key, 'y:' .. target, 1)
    call('HDEL', key, 'x' .. target)
end

return 1
