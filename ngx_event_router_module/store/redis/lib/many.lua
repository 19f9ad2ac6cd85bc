
-- Copyright (C) Event Router contributors


-- The head of scripts of several items: ACCEPT, SETTLE and RETRY of what comes
-- together.  Each item has an answer of its own, and what fails for one of
-- them, as the list of its target that somebody else has overwritten, changes
-- nothing for the others.
--
-- First comes what is to be done for each item alone.  What is to be done to
-- the lists of a target is collected in "filed" meanwhile and done by one
-- command a list.

--#include lib/lists.lua

local filed, targets = {}, {}

-- the rows of a target, with these lists

local function at(target, ...)
    local rows = filed[target]

    if not rows then
        rows = {target = target}

        for _, name in ipairs({...}) do
            rows[name] = {}
        end

        filed[target] = rows
        targets[#targets + 1] = rows
    end

    return rows
end

-- What pcall() caught, as an element of a reply.  A Redis before version 7
-- puts a place before the error's code.

local function fault(err)
    local text = type(err) == 'table' and err.err or err

    text = string.gsub(text, '^@%S+ %d+: %-?', '')

    return {err = string.find(text, '^%u+ ') and text or 'ERR ' .. text}
end
