CREATE TABLE alembic_version (
    version_num VARCHAR(32) NOT NULL,
    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);

CREATE TABLE projects (
    name TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    deleted_at INTEGER,
    PRIMARY KEY (name)
);

CREATE TABLE heads (
    project TEXT NOT NULL,
    seq INTEGER NOT NULL,
    hash TEXT NOT NULL,
    PRIMARY KEY (project)
);

CREATE TABLE events (
    project TEXT NOT NULL,
    seq INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    event_time INTEGER,
    actor TEXT NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    schema INTEGER NOT NULL,
    payload_digest TEXT NOT NULL,
    previous TEXT NOT NULL,
    hash TEXT NOT NULL,
    payload TEXT,
    PRIMARY KEY (project, seq)
);

CREATE INDEX events_subject ON events (project, subject, seq);

CREATE INDEX events_kind ON events (project, kind, seq);

CREATE TABLE artifacts (
    digest TEXT NOT NULL,
    media_type TEXT NOT NULL,
    size INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    PRIMARY KEY (digest)
);

CREATE INDEX artifacts_type ON artifacts (media_type, digest);

CREATE TABLE aliases (
    algorithm TEXT NOT NULL,
    value TEXT NOT NULL,
    digest TEXT NOT NULL,
    PRIMARY KEY (algorithm, value)
);

CREATE INDEX aliases_digest ON aliases (digest);

CREATE TABLE assets (
    id INTEGER NOT NULL,
    project TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    last_number INTEGER DEFAULT '0' NOT NULL,
    description TEXT DEFAULT '' NOT NULL,
    deleted_at INTEGER,
    PRIMARY KEY (id),
    UNIQUE (project, kind, name)
);

CREATE TABLE versions (
    asset INTEGER NOT NULL,
    number INTEGER NOT NULL,
    digest TEXT NOT NULL,
    author TEXT NOT NULL,
    message TEXT NOT NULL,
    metadata TEXT NOT NULL,
    run TEXT,
    recorded_at INTEGER NOT NULL,
    event_time INTEGER,
    deleted_at INTEGER,
    PRIMARY KEY (asset, number),
    FOREIGN KEY(asset) REFERENCES assets (id)
);

CREATE INDEX versions_digest ON versions (digest);

CREATE INDEX versions_run ON versions (run);

CREATE TABLE parents (
    asset INTEGER NOT NULL,
    number INTEGER NOT NULL,
    parent INTEGER NOT NULL,
    PRIMARY KEY (asset, number, parent)
);

CREATE TABLE quarantine (
    asset INTEGER NOT NULL,
    number INTEGER NOT NULL,
    since INTEGER NOT NULL,
    reason TEXT NOT NULL,
    change TEXT,
    PRIMARY KEY (asset, number)
);

CREATE TABLE refs (
    asset INTEGER NOT NULL,
    name TEXT NOT NULL,
    target INTEGER NOT NULL,
    tier TEXT DEFAULT '' NOT NULL,
    change TEXT,
    moved_at INTEGER NOT NULL,
    PRIMARY KEY (asset, name),
    FOREIGN KEY(asset) REFERENCES assets (id)
);

CREATE INDEX refs_target ON refs (asset, target);

CREATE TABLE staging (
    owner TEXT NOT NULL,
    whole INTEGER NOT NULL,
    path TEXT NOT NULL,
    seq INTEGER NOT NULL,
    digest TEXT,
    size INTEGER NOT NULL,
    mode INTEGER NOT NULL,
    notes TEXT DEFAULT '' NOT NULL,
    actor TEXT DEFAULT '' NOT NULL,
    recorded_at INTEGER NOT NULL,
    PRIMARY KEY (owner, whole, path)
);

CREATE TABLE experiments (
    id INTEGER NOT NULL,
    project TEXT NOT NULL,
    name TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    deleted_at INTEGER, updated_at INTEGER,
    PRIMARY KEY (id),
    UNIQUE (project, name)
);

CREATE TABLE runs (
    id TEXT NOT NULL,
    project TEXT NOT NULL,
    experiment INTEGER NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    parent TEXT,
    actor TEXT NOT NULL,
    started_at INTEGER,
    ended_at INTEGER,
    recorded_at INTEGER NOT NULL,
    code TEXT,
    git_commit TEXT,
    environment TEXT,
    cache_key TEXT,
    origin TEXT,
    error TEXT,
    foreign_id TEXT,
    fence INTEGER DEFAULT '0' NOT NULL,
    deleted_at INTEGER,
    PRIMARY KEY (id)
);

CREATE TABLE recent_points (
    series INTEGER NOT NULL,
    step INTEGER NOT NULL,
    time INTEGER NOT NULL,
    n INTEGER NOT NULL,
    value DOUBLE,
    PRIMARY KEY (series, step, time, n)
)
 WITHOUT ROWID;

CREATE INDEX runs_experiment ON runs (experiment, id);

CREATE INDEX runs_parent ON runs (parent) WHERE parent IS NOT NULL;

CREATE INDEX runs_state ON runs (project, state);

CREATE INDEX runs_cache ON runs (project, cache_key) WHERE state = 'finished' AND cache_key IS NOT NULL;

CREATE INDEX runs_code ON runs (code, project, id) WHERE code IS NOT NULL;

CREATE INDEX runs_environment ON runs (environment, project, id) WHERE environment IS NOT NULL;

CREATE TABLE params (
    run TEXT NOT NULL,
    "key" TEXT NOT NULL,
    value TEXT NOT NULL,
    number DOUBLE,
    PRIMARY KEY (run, "key")
);

CREATE INDEX params_key ON params ("key", value);

CREATE TABLE tags (
    run TEXT NOT NULL,
    "key" TEXT NOT NULL,
    value TEXT NOT NULL,
    number DOUBLE,
    PRIMARY KEY (run, "key")
);

CREATE INDEX tags_key ON tags ("key", value);

CREATE TABLE traces (
    number INTEGER NOT NULL,
    project TEXT NOT NULL,
    id TEXT NOT NULL,
    experiment INTEGER NOT NULL,
    name TEXT,
    state TEXT NOT NULL,
    time INTEGER NOT NULL,
    duration INTEGER,
    client TEXT,
    request TEXT,
    response TEXT,
    session TEXT,
    tokens TEXT DEFAULT '{}' NOT NULL,
    cost TEXT DEFAULT '{}' NOT NULL,
    spans INTEGER DEFAULT '0' NOT NULL,
    told INTEGER DEFAULT '0' NOT NULL,
    recorded_at INTEGER NOT NULL,
    PRIMARY KEY (number),
    UNIQUE (project, id)
);

CREATE INDEX traces_experiment ON traces (experiment, time);

CREATE TABLE "series" (
    id INTEGER NOT NULL,
    run TEXT NOT NULL,
    "key" TEXT NOT NULL,
    last DOUBLE,
    last_step INTEGER NOT NULL,
    last_time INTEGER NOT NULL,
    low DOUBLE,
    high DOUBLE,
    count INTEGER NOT NULL,
    PRIMARY KEY (id)
);

CREATE TABLE marks (
    run TEXT NOT NULL,
    source TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    PRIMARY KEY (run, source)
);

CREATE TABLE links (
    id INTEGER NOT NULL,
    run TEXT NOT NULL,
    direction TEXT NOT NULL,
    name TEXT NOT NULL,
    digest TEXT NOT NULL,
    media_type TEXT NOT NULL,
    size INTEGER NOT NULL,
    asset INTEGER,
    number INTEGER,
    PRIMARY KEY (id)
);

CREATE TABLE packages (
    environment TEXT NOT NULL,
    name TEXT NOT NULL,
    version TEXT NOT NULL,
    PRIMARY KEY (environment, name)
);

CREATE INDEX packages_name ON packages (name, version);

CREATE INDEX links_run ON links (run, direction);

CREATE INDEX links_digest ON links (digest, direction, run);

CREATE INDEX links_version ON links (asset, number, direction);

CREATE TABLE changes (
    id TEXT NOT NULL,
    project TEXT NOT NULL,
    author TEXT NOT NULL,
    reason TEXT NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    head TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    closed_at INTEGER,
    closed_seq INTEGER,
    run TEXT,
    undoes TEXT,
    lifts TEXT NOT NULL,
    fence INTEGER DEFAULT '0' NOT NULL,
    PRIMARY KEY (id)
);

CREATE INDEX changes_state ON changes (project, state, id);

CREATE TABLE moves (
    change TEXT NOT NULL,
    asset INTEGER NOT NULL,
    ref TEXT NOT NULL,
    old INTEGER,
    new INTEGER,
    tier TEXT,
    PRIMARY KEY (change, asset, ref),
    FOREIGN KEY(change) REFERENCES changes (id)
);

CREATE INDEX moves_ref ON moves (asset, ref);

CREATE INDEX moves_target ON moves (asset, new);

CREATE TABLE approvals (
    id INTEGER NOT NULL,
    change TEXT NOT NULL,
    actor TEXT NOT NULL,
    answer TEXT NOT NULL,
    head TEXT NOT NULL,
    evidence TEXT NOT NULL,
    verified INTEGER NOT NULL,
    at INTEGER NOT NULL,
    comment TEXT NOT NULL,
    PRIMARY KEY (id)
);

CREATE INDEX approvals_change ON approvals (change);

CREATE TABLE verdicts (
    id INTEGER NOT NULL,
    project TEXT NOT NULL,
    head TEXT NOT NULL,
    name TEXT NOT NULL,
    result TEXT NOT NULL,
    run TEXT,
    at INTEGER NOT NULL,
    summary TEXT NOT NULL,
    estimates TEXT NOT NULL,
    PRIMARY KEY (id)
);

CREATE INDEX verdicts_head ON verdicts (project, head, name, id);

CREATE TABLE overrides (
    id INTEGER NOT NULL,
    change TEXT NOT NULL,
    actor TEXT NOT NULL,
    reason TEXT NOT NULL,
    until INTEGER NOT NULL,
    at INTEGER NOT NULL,
    head TEXT NOT NULL,
    PRIMARY KEY (id)
);

CREATE INDEX overrides_change ON overrides (change);

CREATE TABLE decisions (
    id INTEGER NOT NULL,
    change TEXT NOT NULL,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    phase TEXT NOT NULL,
    policy TEXT,
    inputs TEXT NOT NULL,
    passed INTEGER NOT NULL,
    results TEXT NOT NULL,
    PRIMARY KEY (id)
);

CREATE INDEX decisions_change ON decisions (change);

CREATE TABLE policies (
    digest TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (digest)
);

CREATE TABLE leases (
    name TEXT NOT NULL,
    holder TEXT NOT NULL,
    fence INTEGER NOT NULL,
    until INTEGER NOT NULL,
    PRIMARY KEY (name)
);

CREATE TABLE grants (
    project TEXT NOT NULL,
    role TEXT NOT NULL,
    actor TEXT NOT NULL,
    granted_by TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (project, role, actor)
);

CREATE TABLE incidents (
    id TEXT NOT NULL,
    project TEXT NOT NULL,
    title TEXT NOT NULL,
    severity TEXT NOT NULL,
    opened_by TEXT NOT NULL,
    opened_at INTEGER NOT NULL,
    resolved_at INTEGER, about TEXT DEFAULT '' NOT NULL, began_at INTEGER, resolved_by TEXT DEFAULT '' NOT NULL, resolution TEXT DEFAULT '' NOT NULL,
    PRIMARY KEY (id)
);

CREATE INDEX incidents_open ON incidents (project, resolved_at);

CREATE TABLE blames (
    incident TEXT NOT NULL,
    relation TEXT NOT NULL,
    change TEXT NOT NULL,
    source TEXT NOT NULL,
    confidence DOUBLE NOT NULL, actor TEXT DEFAULT '' NOT NULL, at INTEGER DEFAULT '0' NOT NULL, why TEXT DEFAULT '' NOT NULL,
    PRIMARY KEY (incident, relation, change)
);

CREATE INDEX blames_change ON blames (change);

CREATE TABLE people (
    actor TEXT NOT NULL,
    issuer TEXT DEFAULT '' NOT NULL,
    subject TEXT DEFAULT '' NOT NULL,
    email TEXT DEFAULT '' NOT NULL,
    title TEXT DEFAULT '' NOT NULL,
    created_at INTEGER NOT NULL,
    seen_at INTEGER,
    disabled_at INTEGER,
    PRIMARY KEY (actor)
);

CREATE INDEX grants_actor ON grants (actor);

CREATE INDEX people_subject ON people (issuer, subject);

CREATE TABLE tokens (
    id TEXT NOT NULL,
    hash TEXT NOT NULL,
    actor TEXT NOT NULL,
    name TEXT NOT NULL,
    scopes TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    revoked_at INTEGER,
    used_at INTEGER,
    PRIMARY KEY (id),
    UNIQUE (hash)
);

CREATE INDEX tokens_actor ON tokens (actor);

CREATE TABLE sessions (
    hash TEXT NOT NULL,
    actor TEXT NOT NULL,
    csrf TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    token TEXT,
    PRIMARY KEY (hash)
);

CREATE INDEX sessions_actor ON sessions (actor);

CREATE TABLE devices (
    hash TEXT NOT NULL,
    user_code TEXT NOT NULL,
    client TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    actor TEXT,
    token TEXT,
    state TEXT NOT NULL,
    asked_at INTEGER DEFAULT '0' NOT NULL,
    PRIMARY KEY (hash),
    UNIQUE (user_code)
);

CREATE TABLE replies (
    project TEXT NOT NULL,
    actor TEXT NOT NULL,
    "key" TEXT NOT NULL,
    request TEXT NOT NULL,
    status INTEGER NOT NULL,
    body TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (project, actor, "key")
);

CREATE INDEX replies_at ON replies (at);

CREATE TABLE holdings (
    project TEXT NOT NULL,
    digest TEXT NOT NULL,
    PRIMARY KEY (project, digest)
);

CREATE TABLE walked (
    project TEXT NOT NULL,
    root TEXT NOT NULL,
    PRIMARY KEY (project, root)
);

CREATE TABLE tasks (
    id TEXT NOT NULL,
    project TEXT NOT NULL,
    queue TEXT NOT NULL,
    verb TEXT NOT NULL,
    words TEXT NOT NULL,
    actor TEXT NOT NULL,
    verified INTEGER DEFAULT '0' NOT NULL,
    state TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    started_at INTEGER,
    ended_at INTEGER,
    cancelled_at INTEGER,
    worker TEXT,
    fence INTEGER DEFAULT '0' NOT NULL,
    until INTEGER DEFAULT '0' NOT NULL,
    attempts INTEGER DEFAULT '0' NOT NULL,
    result TEXT,
    error TEXT, scopes TEXT, run TEXT,
    PRIMARY KEY (id)
);

CREATE INDEX tasks_waiting ON tasks (state, queue, id);

CREATE INDEX tasks_project ON tasks (project, id);

CREATE TABLE progress (
    task TEXT NOT NULL,
    label TEXT NOT NULL,
    done INTEGER NOT NULL,
    total INTEGER,
    unit TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (task, label)
);

CREATE TABLE workers (
    name TEXT NOT NULL,
    queue TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL,
    version TEXT NOT NULL,
    PRIMARY KEY (name)
);

CREATE TABLE comments (
    id TEXT NOT NULL,
    project TEXT NOT NULL,
    change TEXT NOT NULL,
    author TEXT NOT NULL,
    body TEXT NOT NULL,
    place TEXT DEFAULT '' NOT NULL,
    answers TEXT,
    at INTEGER NOT NULL,
    edited_at INTEGER,
    deleted_at INTEGER, incident TEXT DEFAULT '' NOT NULL,
    PRIMARY KEY (id)
);

CREATE INDEX comments_change ON comments (change, id);

CREATE INDEX runs_names ON runs (project, id, name);

CREATE INDEX runs_commit ON runs (project, git_commit) WHERE git_commit IS NOT NULL;

CREATE TABLE subscriptions (
    id TEXT NOT NULL,
    project TEXT NOT NULL,
    name TEXT NOT NULL,
    url TEXT NOT NULL,
    format TEXT NOT NULL,
    kinds TEXT NOT NULL,
    secret TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    deleted_at INTEGER,
    paused_at INTEGER,
    position INTEGER NOT NULL,
    failures INTEGER DEFAULT '0' NOT NULL,
    next_at INTEGER DEFAULT '0' NOT NULL,
    error TEXT DEFAULT '' NOT NULL,
    delivered_at INTEGER,
    PRIMARY KEY (id)
);

CREATE INDEX subscriptions_project ON subscriptions (project, id);

CREATE TABLE deliveries (
    id INTEGER NOT NULL,
    subscription TEXT NOT NULL,
    seq INTEGER NOT NULL,
    at INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    status INTEGER NOT NULL,
    error TEXT DEFAULT '' NOT NULL,
    state TEXT NOT NULL,
    PRIMARY KEY (id)
);

CREATE INDEX deliveries_subscription ON deliveries (subscription, id);

CREATE INDEX deliveries_state ON deliveries (subscription, state, seq);

CREATE INDEX runs_foreign ON runs (project, foreign_id) WHERE foreign_id IS NOT NULL;

CREATE INDEX events_actor ON events (project, actor, seq);

CREATE INDEX verdicts_run ON verdicts (project, run);

CREATE TABLE deployments (
    project TEXT NOT NULL,
    ref TEXT NOT NULL,
    state TEXT NOT NULL,
    serving INTEGER,
    url TEXT DEFAULT '' NOT NULL,
    port INTEGER DEFAULT '0' NOT NULL,
    host TEXT DEFAULT '' NOT NULL,
    pids TEXT DEFAULT '' NOT NULL,
    restarts INTEGER DEFAULT '0' NOT NULL,
    message TEXT DEFAULT '' NOT NULL,
    seen_at INTEGER NOT NULL, grpc TEXT DEFAULT '' NOT NULL, grpc_port INTEGER DEFAULT '0' NOT NULL, rolls TEXT DEFAULT '' NOT NULL,
    PRIMARY KEY (project, ref)
);

CREATE TABLE alerts (
    id TEXT NOT NULL,
    project TEXT NOT NULL,
    service TEXT NOT NULL,
    monitor TEXT NOT NULL,
    kind TEXT NOT NULL,
    severity TEXT NOT NULL,
    summary TEXT NOT NULL,
    opened_at INTEGER NOT NULL,
    event_time INTEGER NOT NULL,
    change TEXT DEFAULT '' NOT NULL,
    facts TEXT NOT NULL,
    updated_at INTEGER NOT NULL,
    resolved_at INTEGER,
    acknowledged_by TEXT DEFAULT '' NOT NULL,
    acknowledged_at INTEGER,
    silenced INTEGER DEFAULT '0' NOT NULL,
    PRIMARY KEY (id)
);

CREATE INDEX alerts_project ON alerts (project, id);

CREATE INDEX alerts_change ON alerts (change);

CREATE UNIQUE INDEX alerts_open ON alerts (project, service, monitor) WHERE resolved_at IS NULL;

CREATE TABLE silences (
    id TEXT NOT NULL,
    project TEXT NOT NULL,
    pattern TEXT NOT NULL,
    ends_at INTEGER NOT NULL,
    why TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (id)
);

CREATE INDEX silences_project ON silences (project, ends_at);

CREATE TABLE monitors (
    project TEXT NOT NULL,
    service TEXT NOT NULL,
    monitor TEXT NOT NULL,
    looked_at INTEGER NOT NULL,
    state TEXT NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (project, service, monitor)
);

CREATE TABLE firings (
    id TEXT NOT NULL,
    project TEXT NOT NULL,
    name TEXT NOT NULL,
    cause TEXT NOT NULL,
    why TEXT NOT NULL,
    state TEXT NOT NULL,
    fired_at INTEGER NOT NULL,
    chain TEXT DEFAULT '' NOT NULL,
    propose TEXT DEFAULT '' NOT NULL,
    target TEXT DEFAULT '' NOT NULL,
    task TEXT DEFAULT '' NOT NULL,
    run TEXT DEFAULT '' NOT NULL,
    change TEXT DEFAULT '' NOT NULL,
    incident TEXT DEFAULT '' NOT NULL,
    error TEXT DEFAULT '' NOT NULL,
    ended_at INTEGER,
    PRIMARY KEY (id)
);

CREATE UNIQUE INDEX firings_cause ON firings (project, name, cause);

CREATE INDEX firings_fired ON firings (project, name, fired_at);

CREATE INDEX firings_task ON firings (task);

CREATE INDEX firings_change ON firings (change);

CREATE INDEX firings_open ON firings (project, id) WHERE ended_at IS NULL;

CREATE TABLE trigger_marks (
    project TEXT NOT NULL,
    name TEXT NOT NULL,
    declared TEXT NOT NULL,
    position INTEGER NOT NULL,
    looked_at INTEGER NOT NULL,
    held INTEGER DEFAULT '0' NOT NULL,
    held_why TEXT DEFAULT '' NOT NULL,
    PRIMARY KEY (project, name)
);

CREATE INDEX changes_closed ON changes (project, closed_seq);

CREATE TABLE rollouts (
    change TEXT NOT NULL,
    project TEXT NOT NULL,
    ref TEXT NOT NULL,
    old INTEGER NOT NULL,
    new INTEGER NOT NULL,
    state TEXT NOT NULL,
    "plan" TEXT NOT NULL,
    progress TEXT NOT NULL,
    judged TEXT DEFAULT '' NOT NULL,
    forecast TEXT DEFAULT '' NOT NULL,
    looked_at INTEGER DEFAULT '0' NOT NULL,
    run TEXT DEFAULT '' NOT NULL,
    PRIMARY KEY (change)
);

CREATE UNIQUE INDEX rollouts_open ON rollouts (project, ref) WHERE state IN ('waiting', 'rolling', 'paused');

CREATE INDEX rollouts_project ON rollouts (project, change);

CREATE TABLE rollout_weights (
    change TEXT NOT NULL,
    number INTEGER NOT NULL,
    since INTEGER NOT NULL,
    weight DOUBLE NOT NULL,
    step INTEGER NOT NULL,
    PRIMARY KEY (change, number)
);

CREATE TABLE assessments (
    id INTEGER NOT NULL,
    project TEXT NOT NULL,
    practice TEXT NOT NULL,
    answer TEXT NOT NULL,
    note TEXT NOT NULL,
    actor TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (id)
);

CREATE INDEX assessments_practice ON assessments (project, practice, id);

CREATE TABLE responses (
    project TEXT NOT NULL,
    question TEXT NOT NULL,
    period TEXT NOT NULL,
    mark TEXT NOT NULL,
    value INTEGER NOT NULL,
    PRIMARY KEY (project, question, period, mark)
);

CREATE TABLE response_keys (
    project TEXT NOT NULL,
    period TEXT NOT NULL,
    secret TEXT NOT NULL,
    PRIMARY KEY (project, period)
);

CREATE INDEX comments_incident ON comments (incident, id);

CREATE TABLE merges (
    id TEXT NOT NULL,
    project TEXT NOT NULL,
    asset INTEGER NOT NULL,
    ref TEXT NOT NULL,
    kind TEXT NOT NULL,
    source TEXT DEFAULT '' NOT NULL,
    base INTEGER,
    ours INTEGER NOT NULL,
    theirs INTEGER,
    message TEXT DEFAULT '' NOT NULL,
    state TEXT NOT NULL,
    actor TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    closed_at INTEGER,
    version INTEGER,
    change TEXT,
    PRIMARY KEY (id)
);

CREATE INDEX merges_project ON merges (project, id);

CREATE UNIQUE INDEX merges_open ON merges (asset, ref) WHERE closed_at IS NULL;

CREATE TABLE resolutions (
    merge TEXT NOT NULL,
    seq INTEGER NOT NULL,
    pattern TEXT NOT NULL,
    choice TEXT NOT NULL,
    digest TEXT,
    size INTEGER DEFAULT '0' NOT NULL,
    mode INTEGER DEFAULT '0' NOT NULL,
    actor TEXT NOT NULL,
    recorded_at INTEGER NOT NULL,
    PRIMARY KEY (merge, seq)
);

CREATE INDEX resolutions_digest ON resolutions (digest);

CREATE TABLE workings (
    owner TEXT NOT NULL,
    last INTEGER NOT NULL,
    folded INTEGER DEFAULT '0' NOT NULL,
    base INTEGER,
    root TEXT,
    notes TEXT,
    recorded_at INTEGER NOT NULL,
    PRIMARY KEY (owner)
);

CREATE TABLE buckets (
    name TEXT NOT NULL,
    asset INTEGER NOT NULL,
    ref TEXT NOT NULL,
    auto_commit INTEGER DEFAULT '0' NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (name),
    FOREIGN KEY(asset) REFERENCES assets (id)
);

CREATE INDEX buckets_asset ON buckets (asset);

CREATE TABLE multiparts (
    id TEXT NOT NULL,
    owner TEXT NOT NULL,
    path TEXT NOT NULL,
    notes TEXT NOT NULL,
    done TEXT DEFAULT '' NOT NULL,
    actor TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (id)
);

CREATE INDEX multiparts_owner ON multiparts (owner, path, id);

CREATE TABLE parts (
    multipart TEXT NOT NULL,
    number INTEGER NOT NULL,
    digest TEXT NOT NULL,
    size INTEGER NOT NULL,
    md5 TEXT NOT NULL,
    sums TEXT DEFAULT '' NOT NULL,
    recorded_at INTEGER NOT NULL,
    PRIMARY KEY (multipart, number),
    FOREIGN KEY(multipart) REFERENCES multiparts (id)
);

CREATE TABLE sums (
    digest TEXT NOT NULL,
    algorithm TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (digest, algorithm)
);

CREATE TABLE writers (
    id TEXT NOT NULL,
    began INTEGER NOT NULL,
    beat INTEGER NOT NULL,
    place TEXT NOT NULL,
    since INTEGER NOT NULL,
    PRIMARY KEY (id)
);

CREATE TABLE reclaims (
    number INTEGER NOT NULL,
    opened INTEGER NOT NULL,
    closed INTEGER,
    state TEXT NOT NULL,
    place TEXT NOT NULL,
    objects INTEGER DEFAULT '0' NOT NULL,
    bytes INTEGER DEFAULT '0' NOT NULL,
    at INTEGER NOT NULL,
    ended_at INTEGER,
    PRIMARY KEY (number)
);

CREATE TABLE taggings (
    subject TEXT NOT NULL,
    "key" TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (subject, "key")
);

CREATE INDEX taggings_key ON taggings ("key", value);

CREATE TABLE datasets (
    digest TEXT NOT NULL,
    name TEXT NOT NULL,
    sum TEXT NOT NULL,
    source_type TEXT NOT NULL,
    source TEXT NOT NULL,
    schema TEXT NOT NULL,
    profile TEXT NOT NULL,
    PRIMARY KEY (digest)
);

CREATE INDEX datasets_name ON datasets (name, sum);

CREATE TABLE logged_models (
    id TEXT NOT NULL,
    project TEXT NOT NULL,
    experiment INTEGER NOT NULL,
    run TEXT,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    message TEXT DEFAULT '' NOT NULL,
    digest TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER,
    PRIMARY KEY (id)
);

CREATE INDEX logged_models_experiment ON logged_models (experiment, created_at);

CREATE INDEX logged_models_run ON logged_models (run);

CREATE INDEX logged_models_digest ON logged_models (digest);

CREATE TABLE model_params (
    model TEXT NOT NULL,
    "key" TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (model, "key")
);

CREATE TABLE model_metrics (
    model TEXT NOT NULL,
    run TEXT NOT NULL,
    "key" TEXT NOT NULL,
    dataset TEXT NOT NULL,
    sum TEXT NOT NULL,
    step INTEGER NOT NULL,
    time INTEGER NOT NULL,
    value DOUBLE,
    PRIMARY KEY (model, run, "key", dataset, sum)
);

CREATE INDEX model_metrics_run ON model_metrics (run, "key");

CREATE UNIQUE INDEX series_run ON "series" (run, "key");

CREATE INDEX series_key ON "series" ("key", last);

CREATE TABLE "points" (
    series INTEGER NOT NULL,
    step INTEGER NOT NULL,
    time INTEGER NOT NULL,
    n INTEGER NOT NULL,
    value DOUBLE,
    PRIMARY KEY (series, step, time, n)
)
 WITHOUT ROWID;

CREATE INDEX traces_project ON traces (project, time);

CREATE INDEX traces_session ON traces (session);

CREATE TABLE trace_facts (
    trace INTEGER NOT NULL,
    "key" TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (trace, "key")
);

CREATE TABLE trace_links (
    trace INTEGER NOT NULL,
    kind TEXT NOT NULL,
    target TEXT NOT NULL,
    PRIMARY KEY (trace, kind, target)
);

CREATE INDEX trace_links_target ON trace_links (kind, target);

CREATE TABLE spans (
    trace INTEGER NOT NULL,
    id TEXT NOT NULL,
    parent TEXT,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    began_ns INTEGER NOT NULL,
    ended_ns INTEGER,
    tokens TEXT,
    cost TEXT,
    model TEXT,
    content TEXT NOT NULL,
    PRIMARY KEY (trace, id)
);

CREATE TABLE feedbacks (
    trace INTEGER NOT NULL,
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    number DOUBLE,
    error TEXT,
    source_kind TEXT NOT NULL,
    source TEXT NOT NULL,
    rationale TEXT,
    facts TEXT DEFAULT '{}' NOT NULL,
    span TEXT,
    run TEXT,
    overrides TEXT,
    valid INTEGER DEFAULT '1' NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (trace, id)
);

CREATE INDEX feedbacks_name ON feedbacks (name, trace);

INSERT INTO alembic_version (version_num) VALUES ('0019')
