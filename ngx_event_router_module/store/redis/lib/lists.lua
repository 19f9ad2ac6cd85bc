
-- Copyright (C) Event Router contributors


-- Where an entry is filed while it is pending

--#include lib/entry.lua
--#include lib/held.lua
--#include lib/ledger.lua

local function add(n)
    call('HINCRBY', KEYS[1], 'n', n)
end

-- the list of those without an attempt, or with one; the target follows

local function class(entry)
    local made = entry[EPOCH] + entry[ATTEMPTS] + entry[CRASHES]
    return base .. (made == 0 and 'f:' or 'a:')
end

-- The first one of an order may go; true: there is none.  The others are due
-- never, until their turn comes.

local function release(target, order)
    local waiting = base .. 'g:' .. target .. ':' .. order

    while true do
        local event = call('ZRANGE', waiting, 0, 0)[1]

        if not event then
            return true
        end

        local entry = get(base .. 'e:' .. event, 'p' .. target)

        if entry then
            local list = class(entry) .. target

            if call('ZSCORE', list, event) == 'inf' then
                call('ZADD', list, score(entry), event)
            end

            return false
        end

        call('ZREM', waiting, event)
    end
end

-- "word" of the ledger says why it comes

local function enter(target, event, entry, word)
    local due = score(entry)

    if entry[ORDER] ~= '' then
        if not release(target, entry[ORDER]) then
            due = '+inf'
        end

        call('ZADD', base .. 'g:' .. target .. ':' .. entry[ORDER],
             entry[ACCEPTED], event)
    end

    if entry[HOLDER] ~= '' then
        call('ZADD', base .. 'a:' .. target, due, event)
        call('SADD', base .. 'h:' .. entry[HOLDER], target .. event)
    else
        call('ZADD', class(entry) .. target, due, event)
    end

    if is_held(entry) then
        call('ZADD', held_list(event), now, target .. event)
    end

    book(target, word, 1)

    if call('ZADD', base .. 'k:' .. target, 0, event) == 1 then
        add(1)
    end

    call('HSETNX', base .. 't', target, entry[NAME])
end

-- false: it was not counted

local function drop(target, event)
    call('ZREM', base .. 'f:' .. target, event)
    call('ZREM', base .. 'a:' .. target, event)

    if call('ZREM', base .. 'k:' .. target, event) == 0 then
        return false
    end

    add(-1)

    return true
end

-- it was filed, but its state is gone

local function lost(target, event)
    if drop(target, event) then
        call('HINCRBY', KEYS[1], 'l', 1)
    end
end

-- One that was taken for lost has been found: it was in hand while somebody
-- deleted the lists.

local function leave(target, event, entry)
    unhold(target, event, entry)

    if not drop(target, event) then
        call('HINCRBY', KEYS[1], 'l', -1)
    end

    if entry[HOLDER] ~= '' then
        call('SREM', base .. 'h:' .. entry[HOLDER], target .. event)
    end

    if entry[ORDER] ~= '' then
        call('ZREM', base .. 'g:' .. target .. ':' .. entry[ORDER], event)
        release(target, entry[ORDER])
    end
end
