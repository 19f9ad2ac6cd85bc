
-- Copyright (C) Event Router contributors


-- RELEASE: some target has it not, and the producer may send it again; others
-- have it.  0: the key is another's.

--#include lib/dedup_mine.lua
--#include lib/dedup_settle.lua
--#include lib/dedup_dead.lua

settle()

if not mine then
    return 0
end

if owner and call('HGET', key, 's') == 'c' then
    call('HSET', key, 's', #dead() > 0 and 'd' or 'r')
    call('PEXPIRE', key, window)
end

return 1
