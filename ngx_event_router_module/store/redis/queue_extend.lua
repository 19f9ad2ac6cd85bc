
-- Copyright (C) Event Router contributors


-- EXTEND: the holder needs more time

--#include lib/mine.lua

local lease = tonumber(ARGV[6])

if not mine then
    return {entry and 0 or -1, now}
end

tick()

entry[DUE] = now + lease

set(hash, 'p' .. target, entry)
call('ZADD', base .. 'a:' .. target, entry[DUE], event)

return {1, now}
