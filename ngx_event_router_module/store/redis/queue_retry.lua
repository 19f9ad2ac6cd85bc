
-- Copyright (C) Event Router contributors


-- RETRY: due again after a delay, with or without an attempt that failed

--#include lib/mine.lua
--#include lib/lists.lua
--#include lib/tried.lua

local delay, past = tonumber(ARGV[6]), ARGV[7]

if not mine then
    if not entry then
        lost(target, event)
    end

    -- it was sent twice

    if entry and entry[HOLDER] == '' and entry[TOKEN] == token then
        return {1, now}
    end

    return {entry and 0 or -1, now}
end

tick()
tried(entry, past)

entry[DUE] = now + delay
entry[HOLDER] = ''

set(hash, 'p' .. target, entry)

local list = class(entry)

call('ZADD', list .. target, entry[DUE], event)

if list ~= base .. 'a:' then
    call('ZREM', base .. 'a:' .. target, event)
end

call('SREM', base .. 'h:' .. holder, target .. event)

-- somebody deleted the list, and the entry was taken for lost

if call('ZADD', base .. 'k:' .. target, 0, event) == 1 then
    add(1)
    call('HINCRBY', KEYS[1], 'l', -1)
end

return {1, now}
