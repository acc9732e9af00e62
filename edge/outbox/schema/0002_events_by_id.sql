-- `subject` of an `event` record is its event, so that the records of one event are found by `records_by_subject`.
UPDATE records
SET subject = json_extract(CAST(payload AS TEXT), '$.body.event_id')
WHERE kind = 'event' AND subject IS NULL;
