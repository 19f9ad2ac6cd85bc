
-- Copyright (C) Event Router contributors


-- MOVE: entries that wait begin anew for another target, as what is replayed
-- does.  What that target has already stays where it is.

--#include lib/scan.lua
--#include lib/new.lua
--#include lib/history.lua

local command, limit = ARGV[2], tonumber(ARGV[3])
local to, to_name, to_routes = ARGV[17], ARGV[18], ARGV[19]
local order, delay = ARGV[20], tonumber(ARGV[21])

-- "hash" is the event's, which has both of them

local function move(hash, target, event, entry)
    if target == to then
        return 0
    end

    if entry[HOLDER] ~= '' then
        left = left + 1
        return 0
    end

    if call('HEXISTS', hash, 'p' .. to) == 1
       or call('HEXISTS', hash, 'd' .. to) == 1
    then
        there = there + 1
        return 0
    end

    if not dry then
        local kept = get(hash, 'o' .. to)
        local epoch = math.max(entry[EPOCH], kept and kept[DONE_EPOCH] or 0)
        local routes = to_routes == '' and entry[ROUTES] or to_routes
        local moved = new(epoch + 1, now, now + delay, order,
                          entry[GUARD] % DOUBT_ONE, command, to_name, routes)

        hold_flag(moved, false)

        set(hash, 'p' .. to, moved)
        enter(to, event, moved, BOOK_REPLAYED)

        call('HDEL', hash, 'p' .. target, 'o' .. to)
        book(target, BOOK_MOVED, 1)
        leave(target, event, entry)
        step(event, target, TOLD_MOVED)
        step(event, to, TOLD_REPLAYED, 0, to_name)

        if call('HEXISTS', hash, 'u') == 0 then
            call('HDEL', hash, 'v:' .. target)
        end
    end

    return count(entry[ACCEPTED])
end

tick()
scan('k:', 'p', limit, move)
trim()

return result()
