
-- Copyright (C) Event Router contributors


-- The event goes when no target needs it and it is not kept.  True: it went.

--#include lib/queue.lua

local function over(hash)
    if call('HEXISTS', hash, 'u') == 1 then
        return false
    end

    for _, field in ipairs(call('HKEYS', hash)) do
        local kind = sub(field, 1, 1)

        if #field == 17 and (kind == 'p' or kind == 'd') then
            return false
        end
    end

    call('DEL', hash)

    return true
end
