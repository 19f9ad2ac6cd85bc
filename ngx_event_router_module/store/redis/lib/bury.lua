
-- Copyright (C) Event Router contributors


-- A pending entry becomes a dead letter, for "keep" ms

--#include lib/lists.lua
--#include lib/history.lua

local function bury(hash, target, event, entry, reason, status, answer, keep)
    local holder = entry[HOLDER]

    unhold(target, event, entry)

    entry[HOLDER] = ''
    entry[REASON] = reason
    entry[DIED] = now
    entry[STATUS] = status
    entry[ANSWER] = answer

    set(hash, 'd' .. target, entry)
    book(target, BOOK_BURIED, 1)

    if call('ZADD', base .. 'x:' .. target, 0, event) == 1 then
        add(1)
    end

    call('ZADD', base .. 'z', now + keep, target .. event)
    call('HDEL', hash, 'p' .. target)

    -- it is filed under who had it

    entry[HOLDER] = holder
    leave(target, event, entry)
    step(event, target, TOLD_DEAD, reason)
end
