select app_hidden.drop_policies('app_hidden.imported_review_scores');
