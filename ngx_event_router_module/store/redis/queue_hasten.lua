
-- Copyright (C) Event Router contributors


-- HASTEN: entries that wait for their time are due now.  What is blocked is
-- due never in its list, until its turn has come.  "there" are those that are
-- held.

--#include lib/scan.lua

local function hasten(hash, target, event, entry)
    if entry[HOLDER] ~= '' then
        left = left + 1
        return 0
    end

    if is_held(entry) then
        there = there + 1
        return 0
    end

    if entry[DUE] <= now then
        return 0
    end

    if entry[GUARD] >= DOUBT_ONE then
        doubts = doubts + 1
        return 0
    end

    if not dry then
        local list = class(entry) .. target

        entry[DUE] = now
        set(hash, 'p' .. target, entry)

        if call('ZSCORE', list, event) ~= 'inf' then
            call('ZADD', list, now, event)
        end
    end

    return count(entry[ACCEPTED])
end

tick()
scan('k:', 'p', tonumber(ARGV[3]), hasten)

return result()
