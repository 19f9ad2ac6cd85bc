
-- Copyright (C) Event Router contributors


-- SETTLE: targets have the event.  0: the key is another's, and they are
-- recorded all the same.

--#include lib/dedup_mine.lua
--#include lib/dedup_settle.lua

settle()

return mine and 1 or 0
