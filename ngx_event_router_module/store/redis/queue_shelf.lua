
-- Copyright (C) Event Router contributors


-- SHELF: rows of the router's own (store/shelf.h), all of shard 0.  Returns
-- {1, now, done, more, and for each row its id, until and value ...}; 0: there
-- is no such row, or none in the place from which PUT moves it; 3: PUT has no
-- room for it.  "more" of PUT: there was a row, which is gone.
--
-- What has a bound can be done without, so such a PUT begins with what a Redis
-- that is full refuses.  "until" is 16 digits in hex, in front of the value.

--#include lib/shelf.lua

local act, kind, name, id = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local ends, bound, value = ARGV[6], tonumber(ARGV[7]), ARGV[8]
local newest, after, limit = ARGV[9] == '1', ARGV[10], tonumber(ARGV[11])
local bytes, nonce, batch = tonumber(ARGV[12]), ARGV[13], tonumber(ARGV[14])
local from = ARGV[15]

local rows, ids = shelf(kind .. ':' .. name)
local out = {1, now, 0, 0}

local function oldest(n)
    return call('ZRANGEBYLEX', ids, '-', '+', 'LIMIT', 0, n)
end

-- A number as those of events: 11 digits of ms and 5 of a count

local function new()
    local last = call('ZREVRANGEBYLEX', ids, '+', '-', 'LIMIT', 0, 1)[1]
    local ms, count = now, 0

    if last and tonumber(sub(last, 1, 11), 16) >= now then
        ms, count = tonumber(sub(last, 1, 11), 16),
                    tonumber(sub(last, 12), 16) + 1
    end

    if count == 1048576 then
        ms, count = ms + 1, 0
    end

    return string.format('%011x%05x', ms, count)
end

local function room(size)
    if size > bound then
        return false
    end

    for _, old in ipairs(oldest(64)) do
        if tonumber(call('HGET', rows, '-') or 0) + size <= bound then
            return true
        end

        unshelve(kind .. ':' .. name, old)
        out[3] = out[3] + 1
    end

    return tonumber(call('HGET', rows, '-') or 0) + size <= bound
end

local function moves()
    local row = call('HGET', shelf(kind .. ':' .. from), id)

    if not row or gone(sub(row, 1, 16)) then
        return false
    end

    unshelve(kind .. ':' .. from, id)

    return true
end

local function put()
    local done = base .. 'n:' .. nonce

    if (id == '' or from) and call('EXISTS', done) == 1 then
        return 1, {call('GET', done), ends, ''}
    end

    if from then
        if not moves() then
            return 0
        end

        call('SET', done, id, 'PX', 60000)
    end

    if bound > 0 then

        -- a row that is replaced makes room for the new one

        if id ~= '' then
            unshelve(kind .. ':' .. name, id)
        end

        if not room(#value + ROW) then
            return 3
        end
    end

    if id == '' then
        id = new()
        call('SET', done, id, 'PX', 60000)
    end

    out[4] = unshelve(kind .. ':' .. name, id)

    call('HSET', rows, id, ends .. value)
    call('HINCRBY', rows, '-', #value + ROW)
    call('ZADD', ids, 0, id)

    if ends ~= NEVER then
        call('ZADD', base .. 'b', tonumber(ends, 16),
             kind .. ':' .. name .. ':' .. id)
    end

    return 1, {id, ends, ''}
end

local function show(one)
    local row = call('HGET', rows, one)

    if not row or gone(sub(row, 1, 16)) then
        return false
    end

    if bytes < #row - 16 and #out > 4 then
        return nil
    end

    bytes = bytes - (#row - 16)

    out[#out + 1] = one
    out[#out + 1] = sub(row, 1, 16)
    out[#out + 1] = sub(row, 17)

    return true
end

if act == '0' then
    if bound > 0 then
        call('HSET', KEYS[1], 't', stamp, 'w', walled)
    end

    tick()

    local code, row = put()

    out[1] = code

    if row then
        out[5], out[6], out[7] = row[1], row[2], row[3]
    end

    return out
end

if act == '1' then
    if not show(id) then
        out[1] = 0
    end

    return out
end

if act == '2' then
    tick()

    local list = id == '' and oldest(batch) or {id}

    for _, one in ipairs(list) do
        out[3] = out[3] + unshelve(kind .. ':' .. name, one)
    end

    if id == '' and #list == batch then
        out[4] = 1
    end

    return out
end

-- pages of ids, as long as there is room for rows

local looked = 0

while true do
    local list

    if newest then
        list = call('ZREVRANGEBYLEX', ids, after == '' and '+' or '(' .. after,
                    '-', 'LIMIT', 0, 100)
    else
        list = call('ZRANGEBYLEX', ids, after == '' and '-' or '(' .. after,
                    '+', 'LIMIT', 0, 100)
    end

    for _, one in ipairs(list) do
        if (#out - 4) / 3 == limit or looked == batch then
            out[4] = 1
            return out
        end

        if show(one) == nil then
            out[4] = 1
            return out
        end

        after, looked = one, looked + 1
    end

    if #list < 100 then
        return out
    end
end
