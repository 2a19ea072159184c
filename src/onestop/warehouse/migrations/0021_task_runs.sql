-- What the tasks of Airflow did, told by each at its end: its own database is not one that others may ask.

create table ops.task_run (
    task_run_id bigint generated always as identity primary key,
    dag_id text not null,
    run_id text not null,
    task_id text not null,
    map_index int not null,
    try_number int not null,
    state text not null check (state in ('success', 'failed')),
    period text,
    started_at timestamptz,
    finished_at timestamptz not null,
    fault text
);
comment on table ops.task_run is 'One row per task of a DAG run that went well, or failed for good. Kept for maintenance.airflow_days.';
comment on column ops.task_run.period is 'The period that the run was asked for, where it was.';
comment on column ops.task_run.map_index is 'Which of several that one task was made into; -1: it is one.';
comment on column ops.task_run.try_number is 'The try that ended so: those before it failed.';
comment on column ops.task_run.fault is 'The kind of its alert, where it failed.';
create index on ops.task_run (finished_at);
create index on ops.task_run (dag_id, run_id);

create view ops.dag_run with (security_invoker) as
select
    dag_id,
    run_id,
    max(period) as period,
    min(started_at) as started_at,
    max(finished_at) as finished_at,
    count(distinct (task_id, map_index)) as tasks,
    array_agg(distinct task_id) filter (where is_last and state = 'failed') as failed_tasks
from (
    select *, task_run_id = max(task_run_id) over (partition by dag_id, run_id, task_id, map_index) as is_last from ops.task_run
) as ended
group by dag_id, run_id;
comment on view ops.dag_run is 'One row per DAG run of which a task has ended: since when, until when, how many tasks, which failed for good and did not go well later.';
