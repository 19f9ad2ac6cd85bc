
-- Copyright (C) Event Router contributors


-- PURGE: dead letters go, or entries that wait

--#include lib/scan.lua
--#include lib/lapse.lua
--#include lib/over.lua

local limit, waiting = tonumber(ARGV[3]), ARGV[17] == '1'

local function purge(hash, target, event, entry)
    if waiting and entry[HOLDER] ~= '' then
        left = left + 1
        return 0
    end

    if not dry then
        if waiting then
            remember(hash, target, event, entry)
            call('HDEL', hash, 'p' .. target)
            book(target, BOOK_PURGED, 1)
            leave(target, event, entry)
            step(event, target, TOLD_PURGED)
        else
            lapse(hash, target, event, BOOK_DEAD_PURGED, TOLD_PURGED)
        end

        over(hash)
    end

    return count(entry[ACCEPTED])
end

tick()
scan(waiting and 'k:' or 'x:', waiting and 'p' or 'd', limit, purge)
trim()

return result()
