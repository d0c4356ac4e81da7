"""The stage: performers with instruments, moves whose meaning lies in time, and the sound of it all."""
