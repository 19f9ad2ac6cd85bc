
-- Copyright (C) Event Router contributors


-- SETTLE: the target has the event

--#include lib/mine.lua
--#include lib/lists.lua
--#include lib/over.lua

if not entry then
    drop(target, event)
end

if not mine then
    return {entry and 0 or -1, now}
end

tick()

local kept, known, taken, lapsed
    = unpack(call('HMGET', hash, 'u', 'k', 'l', 'w'))

if kept then
    set(hash, 'o' .. target, {entry[EPOCH], entry[COMMAND]})
end

call('HDEL', hash, 'p' .. target)
leave(target, event, entry)

-- one that a target has is not new altogether when its key is met again

if lapsed and call('EXISTS', base .. 'w:' .. event) == 1 then
    call('HSET', base .. 'w:' .. event, '-', 1)
end

if not over(hash) and known and not taken then
    call('HSET', hash, 'l', 1)
end

return {1, now}
