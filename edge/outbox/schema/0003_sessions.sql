-- `subject` of a `prediction` record is the session that it belongs to, or else the person it is of; of a `session`,
-- `label` or `marker` record its session; of a `consent` record the participant.
UPDATE records
SET subject = COALESCE(
    json_extract(CAST(payload AS TEXT), '$.body.session_id'), json_extract(CAST(payload AS TEXT), '$.body.user_id')
)
WHERE kind = 'prediction' AND subject IS NULL;
