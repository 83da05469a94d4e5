-- `source` is the source that the segment names. Every column that an export maps must be in the result.
SELECT *
FROM source
WHERE country IN ('CA', 'MX', 'US')
