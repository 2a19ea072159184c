"""The flows: pull -> land -> judge -> load -> build -> report. DAG tasks and commands both call them."""
