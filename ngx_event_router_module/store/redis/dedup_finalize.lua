
-- Copyright (C) Event Router contributors


-- FINALIZE: all targets have the event.  0: the key is another's, and those
-- that have it are recorded all the same.

--#include lib/dedup.lua

local token, body = ARGV[1], ARGV[5]
local owner, print = unpack(call('HMGET', key, 't', 'h'))

--#include lib/dedup_settle.lua

if owner and owner ~= token then
    settle()
    return 0
end

local fields = call('HKEYS', key)
local has = {}

for _, field in ipairs(fields) do
    has[field] = true
end

for hash in string.gmatch(targets, HASH) do
    has['x' .. hash] = true
end

print = print or body

call('DEL', key)

if print ~= '' then
    call('HSET', key, 's', 'd', 't', token, 'h', print)

else
    call('HSET', key, 's', 'd', 't', token)
end

-- what it died for and that has not got it since

for _, field in ipairs(fields) do
    if #field == 18 and not has['x' .. string.sub(field, 3)] then
        call('HSET', key, field, 1)
    end
end

call('PEXPIRE', key, window)

return 1
