
-- Copyright (C) Event Router contributors


-- A dead letter goes; "word" of the ledger says why

--#include lib/lists.lua

local function forget(hash, target, event, word)
    if call('HDEL', hash, 'd' .. target) == 1 then
        book(target, word, 1)
    end

    if call('ZREM', base .. 'x:' .. target, event) == 1 then
        add(-1)
    end

    call('ZREM', base .. 'z', target .. event)
end
