
-- Copyright (C) Event Router contributors


-- Up to "batch" of what a holder has leased comes due at once; "crash" is 1 if
-- it died with it in hand, 0 if it gives it back.  How many there were, and
-- how many are left.

--#include lib/lists.lua
--#include lib/history.lua

local function adopt(holder, batch, crash)
    local held = base .. 'h:' .. holder
    local done = 0

    for _, name in ipairs(call('SRANDMEMBER', held, batch)) do
        local target, event = sub(name, 1, 16), sub(name, 17)
        local hash = base .. 'e:' .. event
        local entry = get(hash, 'p' .. target)

        if entry and entry[HOLDER] == holder then
            entry[CRASHES] = entry[CRASHES] + crash

            if crash > 0 then
                doubt(entry, 15)
            end

            entry[DUE] = now
            entry[HOLDER] = ''
            entry[TOKEN] = ''

            set(hash, 'p' .. target, entry)

            local list = class(entry)

            call('ZADD', list .. target, now, event)

            if list ~= base .. 'a:' then
                call('ZREM', base .. 'a:' .. target, event)
            end

            step(event, target, TOLD_RETURNED)
            done = done + 1
        end

        call('SREM', held, name)
    end

    local more = call('SCARD', held)

    if more == 0 then
        call('ZREM', base .. 'holders', holder)
    end

    return done, more
end
