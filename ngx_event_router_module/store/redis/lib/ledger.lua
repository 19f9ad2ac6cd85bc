
-- Copyright (C) Event Router contributors


-- The ledger of a target: how many of its entries came, and which end they
-- had.  store/ledger.c says what is counted and what must be even; pending and
-- dead are how long the lists of the target are.  A word is a field of one
-- letter, in the order of ngx_er_ledger_word_e; "v" says that the ledger was
-- kept from the beginning.
--
-- A ledger that somebody has overwritten harms nobody else.

--#include lib/queue.lua

local BOOK_ACCEPTED = 'a'
local BOOK_REPLAYED = 'r'
local BOOK_DELIVERED = 'd'
local BOOK_BURIED = 'b'
local BOOK_FILTERED = 'f'
local BOOK_STALE = 's'
local BOOK_COALESCED = 'c'
local BOOK_PURGED = 'p'
local BOOK_MOVED = 'm'
local BOOK_DEAD_REPLAYED = 'x'
local BOOK_DEAD_PURGED = 'y'
local BOOK_DEAD_AGED = 'z'

local BOOK_WORDS = 12

local function book(target, word, n)
    redis.pcall('HINCRBY', base .. 'c:' .. target, word, n)
end
