select app_hidden.drop_policies('app_private.worker_heartbeats');
