
-- Copyright (C) Event Router contributors


-- SWEEP: what was evicted, deleted from outside or is gone with a state of the
-- shard that is no more; tally.c says how that is found out.

--#include lib/lists.lua

-- Names that are gone, of targets that an nginx knows and that have something
-- here; "names" is a list of target and name.

local function find(names, targets)
    local seen = {}

    for i = 1, #names, 2 do
        seen[names[i]] = true
    end

    for i = 1, #targets, 16 do
        local target = sub(targets, i, i + 15)
        local pending, dead = base .. 'k:' .. target, base .. 'x:' .. target
        local fresh, tried = base .. 'f:' .. target, base .. 'a:' .. target

        if not seen[target]
           and call('EXISTS', pending, dead, fresh, tried) > 0
        then
            local name = ''

            for _, list in ipairs({pending, fresh, tried, dead}) do
                local event = call('ZRANGE', list, 0, 0)[1] or ''
                local hash = base .. 'e:' .. event
                local entry = get(hash, 'p' .. target)
                              or get(hash, 'd' .. target)

                if entry then
                    name = entry[NAME]
                end
            end

            call('HSET', base .. 't', target, name)

            names[#names + 1] = target
            names[#names + 1] = name
        end
    end
end

-- One of a target's lists is gone: it is made anew of the others, at most
-- "batch" a call.  1: that was not all.

local function restore(target, batch)
    local pending = base .. 'k:' .. target
    local fresh, tried = base .. 'f:' .. target, base .. 'a:' .. target
    local due = call('ZCARD', fresh) + call('ZCARD', tried)

    if due > call('ZCARD', pending) then
        call('ZUNIONSTORE', pending, 3, pending, fresh, tried,
             'WEIGHTS', 0, 0, 0)
    end

    if due >= call('ZCARD', pending) then
        return 0
    end

    local reached = base .. 'i:' .. target
    local from = call('GET', reached)
    local list = call('ZRANGEBYLEX', pending, from and '(' .. from or '-', '+',
                      'LIMIT', 0, batch)

    for _, event in ipairs(list) do
        if not call('ZSCORE', fresh, event)
           and not call('ZSCORE', tried, event)
        then
            local entry = get(base .. 'e:' .. event, 'p' .. target)

            if not entry then
                lost(target, event)

            elseif entry[ORDER] == '' then
                call('ZADD', class(entry) .. target, score(entry), event)

            else
                call('ZADD', class(entry) .. target, '+inf', event)
                call('ZADD', base .. 'g:' .. target .. ':' .. entry[ORDER],
                     entry[ACCEPTED], event)
                release(target, entry[ORDER])
            end
        end
    end

    if #list < batch then
        call('DEL', reached)
        return 0
    end

    call('SET', reached, list[#list], 'PX', 60000)

    return 1
end

-- How many are lost with the state "name", of which "n" are known to be; who
-- comes later says only what it knew beyond that.

local function former(name, n)
    local key = base .. 'j:' .. name
    local before = tonumber(call('GET', key) or 0)

    if n <= before then
        return 0
    end

    call('SET', key, n, 'PX', 86400000)

    return n - before
end

-- "there" is how many entries there are now, "stamp" when Redis heard of
-- "node" last, below 0: never.  The others are what this nginx knows: of which
-- state, since when, how many there were and how many losses it has told; and
-- the name that a new state gets.  The four elements that end a reply's head:
-- the state, how many there are, how many losses are told, and up to which
-- number this nginx is to tell them.

local function tally(node, there, stamp, id, at, had, told, new)
    local state, count, losses, acked, owner, began
        = unpack(call('HMGET', KEYS[1], 'j', 'n', 'l', 'a', 'o', 'p'))
    local known = id ~= '0000000000000000'

    losses, acked = tonumber(losses or 0), tonumber(acked or 0)

    if state and (state ~= id or stamp >= at
                  or (stamp < 0 and now - at > 60000))
    then
        losses = losses + math.max(tonumber(count or 0) - there, 0)

        if known and id ~= state then
            losses = losses + former(id, had - tonumber(began or 0))
        end

        if id == state and told > acked then
            acked, owner = told, ''
        end

    else
        losses = known and former(id, had - there) or losses - acked
        state, acked, owner = new, 0, ''

        call('HSET', KEYS[1], 'p', there)
    end

    local show = acked
    owner = owner or ''

    -- who was to tell it and has not for ten seconds is replaced

    if losses > acked
       and (owner == '' or sub(owner, 1, 16) == node
            or now - tonumber(sub(owner, 17)) >= 10000)
    then
        owner, show = node .. now, losses
    end

    call('HSET', KEYS[1], 'j', state, 'n', there, 'l', losses, 'a', acked,
         'o', owner)

    return state, there, acked, show
end
