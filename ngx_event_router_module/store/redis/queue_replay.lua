
-- Copyright (C) Event Router contributors


-- REPLAY: dead letters, or what a source has in the archive, become pending in
-- their next epoch.  An entry remembers the command that made it, so that one
-- that is sent twice, or goes on page by page, does nothing twice.  What was
-- overtaken stands behind the result.

--#include lib/scan.lua
--#include lib/new.lua
--#include lib/calls.lua
--#include lib/forget.lua
--#include lib/over.lua
--#include lib/version.lua

local command, limit = ARGV[2], tonumber(ARGV[3])
local to_target, to_name, to_routes = ARGV[17], ARGV[18], ARGV[19]
local order, delay, archive = ARGV[20], tonumber(ARGV[21]), ARGV[22] == '1'

tick()

-- "dead" is what it is made of; nil: the archive.  What the target had itself
-- says more.  False: it has a newer version, so it is at its end.  What is dry
-- only says so.

local function again(hash, target, event, dead)
    if dry then
        local v = version_of(hash, target)
        return not (v and overtaken(target, v))
    end

    local old = get(hash, 'd' .. target)
    local kept = get(hash, 'o' .. target)
    local entry = new(1, now, now + delay, order, 0, command, to_name,
                      to_routes)

    if old then
        entry[EPOCH] = old[EPOCH] + 1
        entry[ORDER] = old[ORDER]
        entry[GUARD] = doubtful(old)
        entry[NAME] = old[NAME]
        entry[ROUTES] = old[ROUTES]
        calls_again(entry, old)

    elseif kept then
        entry[EPOCH] = kept[DONE_EPOCH] + 1

    elseif dead then
        entry[EPOCH] = dead[EPOCH] + 1
        entry[GUARD] = dead[GUARD] % DOUBT_ONE

        if to_routes == '' then
            entry[ROUTES] = dead[ROUTES]
        end
    end

    local v = version_of(hash, target)

    if v and overtaken(target, v) then
        if old then
            forget(hash, target, event, BOOK_DEAD_REPLAYED)
        end

        book(target, BOOK_REPLAYED, 1)
        book(target, BOOK_STALE, 1)
        known(hash, target, event, entry[EPOCH], command, entry[ROUTES])
        over(hash)
        tell('s', target, event)
        step(event, target, TOLD_STALE)

        return false
    end

    if v then
        entry[ORDER] = v.order

        if v.coalesce then
            coalesce(target, v.order, v)
        end
    end

    set(hash, 'p' .. target, entry)
    enter(target, event, entry, BOOK_REPLAYED)

    if old then
        forget(hash, target, event, BOOK_DEAD_REPLAYED)
    end

    call('HDEL', hash, 'o' .. target)
    step(event, target, TOLD_REPLAYED, 0, entry[NAME])

    return true
end

-- the target has not got it of this command, and does not wait for it

local function fit(hash, target)
    local entry = get(hash, 'p' .. target)
    local dead = get(hash, 'd' .. target)
    local kept = get(hash, 'o' .. target)

    return not entry and not (dead and dead[COMMAND] == command)
           and not (kept and kept[DONE_COMMAND] == command)
end

-- did the event ever go to that target, by that route?  What is done does not
-- say by which, if a version before did it

local function went(hash)
    if only == '' and route == '' then
        return true
    end

    for _, field in ipairs(call('HKEYS', hash)) do
        local kind, target = sub(field, 1, 1), sub(field, 2)

        if #field == 17 and (only == '' or only == target)
           and (kind == 'p' or kind == 'd' or kind == 'o')
        then
            local entry = get(hash, field)
            local routes = entry[kind == 'o' and DONE_ROUTES or ROUTES]

            if of_route(routes or '') then
                return true
            end
        end
    end
end

local function from_archive()
    local budget = tonumber(ARGV[11])
    local low = at == to_target and '(' .. reached or '-'
    local list = call('ZRANGEBYLEX', base .. 'r:' .. source, low, '+',
                      'LIMIT', 0, budget)

    if #list == budget then
        more = 1
    end

    for _, q in ipairs(list) do
        local ms = tonumber(sub(q, 1, 11), 16)
        local hash = base .. 'e:' .. q

        if limit <= 0 then
            more = 1
            break
        end

        if (event == '' or event == q)
           and ms >= from and (to == 0 or ms < to)
           and call('HEXISTS', hash, 'r') == 1 and fit(hash, to_target)
           and went(hash)
        then
            if again(hash, to_target, q, nil) then
                limit = limit - count(ms)
            elseif dry then
                stale = stale + 1
            end
        end

        at, reached = to_target, q
    end
end

local function from_dead(hash, target, event, dead)
    if dead[COMMAND] == command then
        return 0
    end

    local goal = to_target == '' and target or to_target
    local started = true

    if goal == target or fit(hash, goal) then
        started = again(hash, goal, event, dead)
    end

    if goal ~= target and not dry then
        forget(hash, target, event, BOOK_DEAD_REPLAYED)
        step(event, target, TOLD_MOVED)
        over(hash)
    end

    if started then
        return count(dead[ACCEPTED])
    end

    if dry then
        stale = stale + 1
    end

    return 1
end

if archive then
    from_archive()
else
    scan('x:', 'd', limit, from_dead)
end

trim()

return with_ended(result())
