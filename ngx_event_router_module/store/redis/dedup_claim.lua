
-- Copyright (C) Event Router contributors


-- CLAIM: may this event be delivered?  Returns {ngx_er_claim_result_e or 4,
-- attempts or ms, targets, hash of the first body}, and of a duplicate the
-- token of who finalized it; 4 is: for these targets only, in whose queue it
-- died.

--#include lib/dedup.lua
--#include lib/dedup_now.lua
--#include lib/dedup_dead.lua

local token, lease, window = ARGV[1], ARGV[2], ARGV[3]

local NEW = 0
local RESUME = 1
local BUSY = 2
local DUPLICATE = 3
local AGAIN = 4

local state, owner, began, length, attempts, print
    = unpack(call('HMGET', key, 's', 't', 'b', 'l', 'n', 'h'))
local died = state and table.concat(dead()) or ''

print = print or ''

if state == 'd' and died == '' then
    return {DUPLICATE, 0, '', print, owner or ''}
end

-- it was claimed before, and these targets have it

local function resume(n)
    local settled = {}

    for _, field in ipairs(call('HKEYS', key)) do
        if #field == 17 then
            settled[#settled + 1] = string.sub(field, 2)
        end
    end

    return {RESUME, n, table.concat(settled), ''}
end

local n = tonumber(attempts or 0)

if state == 'c' and owner == token then

    -- it was sent twice

    if died ~= '' then
        return {AGAIN, n, died, print}
    end

    if n == 1 then
        return {NEW, n, '', ''}
    end

    return resume(n)
end

-- A lease counts as running only if its beginning is less than its length away
-- from now, in either direction: a clock that jumps back cannot lock a key for
-- longer.

if state == 'c' then
    local gone = now - tonumber(began)

    length = tonumber(length)

    if math.abs(gone) < length then
        return {BUSY, math.min(length - gone, length), '', ''}
    end
end

n = n + 1

call('HSET', key, 's', 'c', 't', token, 'b', now, 'l', lease, 'n', n)
call('PEXPIRE', key, lease + window)

if not state then
    return {NEW, n, '', ''}
end

if died ~= '' then
    return {AGAIN, n, died, print}
end

return resume(n)
