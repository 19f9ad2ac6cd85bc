
-- Copyright (C) Event Router contributors


-- The targets for which the event died and that have not got it since

--#include lib/dedup.lua

local function dead()
    local list = {}

    for _, field in ipairs(call('HKEYS', key)) do
        if #field == 18 then
            local hash = string.sub(field, 3)

            if call('HEXISTS', key, 'x' .. hash) == 0 then
                list[#list + 1] = hash
            end
        end
    end

    return list
end
