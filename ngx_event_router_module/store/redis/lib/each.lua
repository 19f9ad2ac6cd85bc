
-- Copyright (C) Event Router contributors


-- SETTLE and RETRY: entries of a holder.  Return {1, now, a letter an item}: 1
-- done, 0 it is not their lease any more, - there is no such entry, e it
-- failed; then with the first error behind it.

--#include lib/many.lua
--#include lib/history.lua

local holder, items = ARGV[2], ARGV[3]
local letters, trouble = {}, nil

local function failed(i, err)
    letters[i] = 'e'
    trouble = trouble or fault(err)
end

-- what history is told of an item stands at its end, behind 2 bytes of length

local function telling(from)
    return history and 2 + struct.unpack('>I2', items, from) or 0
end

local function tells(from)
    return history and (struct.unpack('>I2c0', items, from)) or ''
end

-- "visit" is given the number of an item and where it begins, and returns its
-- letter; "size" returns where the next one begins.

local function each(size, visit)
    local from, i = 1, 1

    while from <= #items do
        local ok, letter = pcall(visit, i, from)

        if ok then
            letters[i] = letter
        else
            failed(i, letter)
        end

        from, i = from + size(from), i + 1
    end
end

-- the targets' lists, by "change"; rows.at has the numbers of their items

local function each_target(change)
    for _, rows in ipairs(targets) do
        local ok, err = pcall(change, rows)

        if not ok then
            for _, i in ipairs(rows.at) do
                failed(i, err)
            end
        end
    end
end
