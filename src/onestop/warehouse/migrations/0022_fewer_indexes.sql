-- Indexes of raw that nothing needs any more, and that every row paid for.
-- A batch's rows lie together: the index of page ranges (0008) finds them. Whether a row was held before is asked by its
-- key, which has an index.

drop index raw.one_stop_dossier_batch_id_idx;
drop index raw.portal_dossier_batch_id_idx;
drop index raw.portal_payment_batch_id_idx;
drop index raw.portal_rating_batch_id_idx;
drop index raw.portal_dossier_hash;
drop index raw.portal_payment_hash;
drop index raw.portal_rating_hash;
