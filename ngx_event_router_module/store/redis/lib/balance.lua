
-- Copyright (C) Event Router contributors


-- SWEEP: the words of a target's ledger.
--
-- An nginx of a version before does not keep it.  As long as one of them is
-- heard, and for a ledger that is new, what is missing was accepted,
-- delivered, buried or aged, so that the sums are even from then on.

--#include lib/ledger.lua

local BOOK_GONE = 86400000

-- is there one that does not keep it?

local function careless(nodes)
    if #nodes == 0 then
        return false
    end

    local names = {}

    for i, node in ipairs(nodes) do
        names[i] = 'c' .. node
    end

    for _, keeps in ipairs(call('HMGET', base .. 'known', unpack(names))) do
        if not keeps then
            return true
        end
    end

    return false
end

-- what came and has no end, beyond what is there

local function missing(words, pending, dead)
    local left, dead_left = words[1] + words[2] - pending, words[4] - dead

    for i = 3, 9 do
        left = left - words[i]
    end

    for i = 10, BOOK_WORDS do
        dead_left = dead_left - words[i]
    end

    return left, dead_left
end

-- whatever somebody has written there

local function word(text)
    local n = tonumber(text or 0) or 0
    return n >= 0 and n <= 9007199254740991 and math.floor(n) or 0
end

-- "anew": it is to be made even

local function balance(target, pending, dead, anew)
    local name = base .. 'c:' .. target
    local words = redis.pcall('HMGET', name, 'a', 'r', 'd', 'b', 'f', 's',
                              'c', 'p', 'm', 'x', 'y', 'z', 'v', 'g')

    if words.err then
        words = {}
    end

    local kept, gone = words[13], words[14]

    for i = 1, BOOK_WORDS do
        words[i] = word(words[i])
    end

    words[13], words[14] = nil, nil

    -- it was to be forgotten, and its target is there again

    if gone then
        call('DEL', name)
        kept = nil
    end

    if kept and not anew then
        return words
    end

    local _, dead_left = missing(words, pending, dead)

    words[4] = words[4] - math.min(dead_left, 0)
    words[12] = words[12] + math.max(dead_left, 0)

    local left = missing(words, pending, dead)

    words[1] = words[1] - math.min(left, 0)
    words[3] = words[3] + math.max(left, 0)

    if not kept or left ~= 0 or dead_left ~= 0 then
        redis.pcall('HSET', name, 'a', words[1], 'r', words[2], 'd', words[3],
                    'b', words[4], 'f', words[5], 's', words[6],
                    'c', words[7], 'p', words[8], 'm', words[9],
                    'x', words[10], 'y', words[11], 'z', words[12], 'v', 1)
    end

    return words
end

-- A target that nobody has any more and that has nothing here: its ledger is
-- kept for a day, or until somebody looks why it is not even.

local function close(target, words)
    local left, dead_left = missing(words, 0, 0)

    if left == 0 and dead_left == 0 then
        redis.pcall('HSET', base .. 'c:' .. target, 'g', 1)
        redis.pcall('PEXPIRE', base .. 'c:' .. target, BOOK_GONE)
    end
end
