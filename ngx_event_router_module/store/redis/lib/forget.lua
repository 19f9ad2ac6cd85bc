
-- Copyright (C) Event Router contributors


-- A dead letter goes

--#include lib/lists.lua

local function forget(hash, target, event)
    call('HDEL', hash, 'd' .. target)

    if call('ZREM', base .. 'x:' .. target, event) == 1 then
        add(-1)
    end

    call('ZREM', base .. 'z', target .. event)
end
